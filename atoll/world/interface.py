"""What a process may ask of the outside; narrow on purpose, since each maker implements it all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar

from typing_extensions import Buffer

T = TypeVar("T")


class DiskError(Exception):
    """The disk failed an operation; the disk is at fault.

    Attributes:
        operation: what was tried.
        path: where.
    """

    def __init__(self, operation: str, path: Path, reason: str) -> None:
        self.operation = operation
        self.path = path
        super().__init__(f"{operation} {path}: {reason}")


class DiskFullError(DiskError):
    """The disk has no room left for a write; nothing was lost."""


class Clock(Protocol):
    """The two times there are."""

    def wall_ns(self) -> int:
        """Return physical time in nanoseconds since 1970; it may jump either way."""

    def monotonic_s(self) -> float:
        """Return seconds on a clock that never goes back; for leases and measurements."""


class Random(Protocol):
    """A source of randomness: the system's, or a seeded one."""

    def randbytes(self, n: int, /) -> bytes:
        """Return n random bytes."""

    def random(self) -> float:
        """Return a float in [0, 1)."""

    def randrange(self, stop: int, /) -> int:
        """Return an integer in [0, stop)."""


class File(Protocol):
    """An open file. All methods block; pieces over 256 KiB belong in a thread."""

    def write(self, data: Buffer, /) -> None:
        """Append all of the data.

        Raises:
            DiskFullError: no room; what was written before stays.
            DiskError: the disk failed.
        """

    def flush_soon(self) -> None:
        """Let the disk begin to write back what was written so far, without waiting for it."""

    def sync(self) -> None:
        """Make what was written durable.

        Raises:
            DiskError: the disk failed; the file's content is then unknown.
        """

    def link(self, path: Path) -> None:
        """Give an unnamed file its name; durable only after `Disk.sync_folder`.

        Raises:
            FileExistsError: the name is taken.
        """

    def read_into(self, buffer: Buffer, offset: int, *, wait: bool = True) -> int:
        """Fill the buffer from the offset; return how many bytes there were.

        Args:
            buffer: writable; as many bytes as it has are read, fewer only at the file's end.
            offset: in bytes.
            wait: whether the disk may be waited for.

        Raises:
            BlockingIOError: `wait` is false and the bytes are not in memory.
            DiskError: the disk failed.
        """

    def size(self) -> int:
        """Return the size in bytes."""

    def close(self) -> None:
        """Close the file; an unnamed one is gone with it."""


class Disk(Protocol):
    """The file operations that a storage device needs. All of them block."""

    def make_folder(self, path: Path, inner: Sequence[str] = ()) -> None:
        """Make the folder, its parents and folders in it, durably; they may exist."""

    def entries(self, folder: Path) -> list[str]:
        """Return the sorted names in a folder; a folder that is not there has none."""

    def create(self, folder: Path) -> File:
        """Open a new unnamed file that can be linked into the folder's file system."""

    def open(self, path: Path) -> File:
        """Open a file for reading.

        Raises:
            FileNotFoundError: there is none.
        """

    def unlink(self, path: Path) -> None:
        """Remove a file; one that is not there is removed already."""

    def rename(self, source: Path, target: Path) -> None:
        """Move a file within the file system; both folders are synced by the caller.

        Raises:
            FileNotFoundError: there is no source.
        """

    def sync_folder(self, folder: Path) -> None:
        """Make the folder's entries durable."""

    def replace(self, path: Path, data: bytes) -> None:
        """Write a small file whole, durably: after a crash it holds the old or the new bytes."""

    def free_bytes(self, path: Path) -> int:
        """Return how many bytes can still be written below the path."""


class Stream(Protocol):
    """A connection between processes."""

    async def send(self, data: Buffer, /) -> None:
        """Send all of the data. On cancel: an unknown part was sent, the stream is broken.

        Raises:
            ConnectionError: the other side is gone.
        """

    async def receive(self) -> bytes:
        """Return some bytes; none at the stream's end. On cancel: nothing was lost.

        Raises:
            ConnectionError: the other side is gone.
        """

    async def aclose(self) -> None:
        """Close at once."""


class Listener(Protocol):
    """Where connections come in."""

    async def accept(self) -> Stream:
        """Wait for the next connection."""

    async def aclose(self) -> None:
        """Stop listening."""


class Network(Protocol):
    """How processes reach each other; an address is a Unix socket's path or "host:port"."""

    async def connect(self, address: str) -> Stream:
        """Connect.

        Raises:
            ConnectionError: nobody listens there.
        """

    async def listen(self, address: str) -> Listener:
        """Listen; a Unix socket left by a dead process is replaced.

        Raises:
            OSError: the address cannot be had.
        """


class Threads(Protocol):
    """Where blocking work is done."""

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run blocking work elsewhere and return its result.

        On cancel: the work is finished first, and its result is lost.
        """


@dataclass(frozen=True, slots=True)
class World:
    """Everything outside of the program.

    Attributes:
        clock: physical and monotonic time.
        random: secrets and ids come from here.
        disk: files.
        network: streams between processes.
        threads: where blocking work is done.
    """

    clock: Clock
    random: Random
    disk: Disk
    network: Network
    threads: Threads
