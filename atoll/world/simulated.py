"""A world in memory, run by a seed: for tests and for the simulation of a whole cluster.

The disk keeps what was synced apart from what was only written: `MemoryDisk.crash` takes away
every byte, name and removal that no sync had covered, as a power cut may.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trio
from typing_extensions import Buffer

from atoll.world.interface import (
    DiskFullError,
    Listener,
    Random,
    Stream,
    T,
    World,
)

EPOCH_NS = 1_750_000_000 * 1_000_000_000
MESSAGES_MAX = 64 * 1024 * 1024
BACKLOG = 128


class SimulatedClock:
    """A clock that stands where trio's stands; `offset_ns` makes physical time jump."""

    def __init__(self) -> None:
        self.offset_ns = 0

    def wall_ns(self) -> int:
        """Return physical time in nanoseconds since 1970."""
        return EPOCH_NS + int(self.monotonic_s() * 1e9) + self.offset_ns

    def monotonic_s(self) -> float:
        """Return seconds on a clock that never goes back."""
        try:
            return trio.current_time()
        except RuntimeError:
            return 0.0


@dataclass(slots=True)
class _Content:
    """A file's bytes: as written, and as they would be found after a power cut."""

    written: bytearray = field(default_factory=bytearray)
    synced: bytes | None = None


class MemoryFile:
    """An open file in memory."""

    def __init__(self, disk: MemoryDisk, content: _Content, path: Path) -> None:
        self._disk = disk
        self._content = content
        self._path = path
        self._is_named = False

    def write(self, data: Buffer, /) -> None:
        """Append all of the data."""
        self._disk.before("write", self._path)
        view = memoryview(data).cast("B")
        room = self._disk.free_bytes(self._path)
        if not self._is_named:
            room -= len(self._content.written)  # which the disk does not know of yet
        if len(view) > room:
            raise DiskFullError("write", self._path, "no space left")
        self._content.written += view

    def flush_soon(self) -> None:
        """Memory has nothing to write back."""

    def sync(self) -> None:
        """Make what was written durable."""
        self._disk.before("sync", self._path)
        self._content.synced = bytes(self._content.written)

    def link(self, path: Path) -> None:
        """Give an unnamed file its name."""
        self._disk.before("link", path)
        if path in self._disk.files:
            raise FileExistsError(path)
        self._disk.files[path] = self._content
        self._is_named = True

    def read_into(self, buffer: Buffer, offset: int, *, wait: bool = True) -> int:
        """Fill the buffer from the offset."""
        self._disk.before("read", self._path)
        view = memoryview(buffer).cast("B")
        data = self._content.written[offset : offset + len(view)]
        view[: len(data)] = data
        return len(data)

    def size(self) -> int:
        """Return the size in bytes."""
        return len(self._content.written)

    def close(self) -> None:
        """Nothing is open."""


def _no_fault(operation: str, path: Path) -> None:
    return


@dataclass(slots=True)
class _Platter:
    size_bytes: int
    files: dict[Path, _Content] = field(default_factory=dict)
    durable: dict[Path, _Content] = field(default_factory=dict)


class MemoryDisk:
    """Files in memory.

    Args:
        size_bytes: room for all files.

    Attributes:
        before: called before each operation with its name and path; raises to make it fail.
    """

    def __init__(self, size_bytes: int = 1 << 30) -> None:
        self._platter = _Platter(size_bytes)
        self.before: Callable[[str, Path], None] = _no_fault

    def seen_by(self, before: Callable[[str, Path], None]) -> MemoryDisk:
        """Return the same disk as another process sees it, with faults of its own."""
        view = MemoryDisk()
        view._platter = self._platter
        view.before = before
        return view

    @property
    def files(self) -> dict[Path, _Content]:
        """What a process sees."""
        return self._platter.files

    @property
    def durable(self) -> dict[Path, _Content]:
        """Names that a sync of their folder has covered, with their content."""
        return self._platter.durable

    @property
    def size_bytes(self) -> int:
        """Room for all files; may be changed, below what is used too."""
        return self._platter.size_bytes

    @size_bytes.setter
    def size_bytes(self, size_bytes: int) -> None:
        self._platter.size_bytes = size_bytes

    def crash(self, rng: Random, keep: Callable[[Path], bool] = lambda _: True) -> None:
        """Lose what no sync has covered: each unsynced change by the toss of a coin.

        Args:
            rng: tosses the coin.
            keep: which paths belong to the disk that lost its power.
        """
        for path in sorted({*self.files, *self.durable}):
            if not keep(path):
                continue
            seen, lasting = self.files.get(path), self.durable.get(path)
            if seen is not lasting and rng.random() < 0.5:
                if lasting is None:
                    del self.files[path]
                else:
                    self.files[path] = lasting
        for path, content in self.files.items():
            if keep(path) and content.synced != bytes(content.written):
                lasting_bytes = content.synced or b""
                torn = content.written[: rng.randrange(len(content.written) + 1)]
                content.written = bytearray(max(lasting_bytes, bytes(torn), key=len))
                content.synced = bytes(content.written)
        self.durable.clear()
        self.durable.update(self.files)

    def make_folder(self, path: Path, inner: Sequence[str] = ()) -> None:
        """Folders need no making."""
        self.before("make", path)

    def entries(self, folder: Path) -> list[str]:
        """Return the sorted names in a folder."""
        self.before("list", folder)
        return sorted(path.name for path in self.files if path.parent == folder)

    def create(self, folder: Path) -> MemoryFile:
        """Open a new unnamed file."""
        self.before("create", folder)
        return MemoryFile(self, _Content(), folder)

    def open(self, path: Path) -> MemoryFile:
        """Open a file for reading."""
        self.before("open", path)
        if path not in self.files:
            raise FileNotFoundError(path)
        return MemoryFile(self, self.files[path], path)

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        self.before("unlink", path)
        self.files.pop(path, None)

    def rename(self, source: Path, target: Path) -> None:
        """Move a file."""
        self.before("rename", source)
        if source not in self.files:
            raise FileNotFoundError(source)
        self.files[target] = self.files.pop(source)

    def sync_folder(self, folder: Path) -> None:
        """Make the folder's entries durable."""
        self.before("sync", folder)
        for path in {*self.files, *self.durable}:
            if path.parent == folder:
                if path in self.files:
                    self.durable[path] = self.files[path]
                else:
                    del self.durable[path]

    def replace(self, path: Path, data: bytes) -> None:
        """Write a small file whole, durably."""
        self.before("replace", path)
        if len(data) > self.free_bytes(path):
            raise DiskFullError("replace", path, "no space left")
        content = _Content(bytearray(data), data)
        self.files[path] = self.durable[path] = content

    def free_bytes(self, path: Path) -> int:
        """Return how many bytes can still be written."""
        used = sum(len(content.written) for content in self.files.values())
        return max(0, self.size_bytes - used)


class MemoryStream:
    """One end of a connection in memory."""

    def __init__(
        self, send: trio.MemorySendChannel[bytes], receive: trio.MemoryReceiveChannel[bytes]
    ) -> None:
        self._send = send
        self._receive = receive

    async def send(self, data: Buffer, /) -> None:
        """Send all of the data."""
        try:
            self._send.send_nowait(bytes(data))
        except (trio.BrokenResourceError, trio.ClosedResourceError) as error:
            raise ConnectionResetError("the other side is gone") from error
        await trio.lowlevel.checkpoint()

    async def receive(self) -> bytes:
        """Return some bytes, none at the stream's end."""
        try:
            return await self._receive.receive()
        except trio.EndOfChannel:
            return b""
        except trio.ClosedResourceError as error:
            raise ConnectionResetError("closed") from error

    async def aclose(self) -> None:
        """Close at once."""
        self._send.close()
        self._receive.close()
        await trio.lowlevel.checkpoint()


class MemoryListener:
    """Where connections in memory come in."""

    def __init__(self, network: MemoryNetwork, address: str) -> None:
        self._network = network
        self._address = address
        self._send, self._incoming = trio.open_memory_channel[MemoryStream](BACKLOG)

    def connect(self) -> MemoryStream:
        """Make a connection and return the caller's end.

        Raises:
            ConnectionRefusedError: too many wait already.
        """
        to_server, from_client = trio.open_memory_channel[bytes](MESSAGES_MAX)
        to_client, from_server = trio.open_memory_channel[bytes](MESSAGES_MAX)
        try:
            self._send.send_nowait(MemoryStream(to_client, from_client))
        except trio.WouldBlock as error:
            raise ConnectionRefusedError(f"too many wait at {self._address}") from error
        return MemoryStream(to_server, from_server)

    async def accept(self) -> Stream:
        """Wait for the next connection."""
        return await self._incoming.receive()

    async def aclose(self) -> None:
        """Stop listening; what was not accepted is closed."""
        if self._network.listeners.get(self._address) is self:
            del self._network.listeners[self._address]
        self._send.close()
        while self._incoming.statistics().current_buffer_used:
            await self._incoming.receive_nowait().aclose()
        self._incoming.close()
        await trio.lowlevel.checkpoint()


class MemoryNetwork:
    """Addresses in memory."""

    def __init__(self) -> None:
        self.listeners: dict[str, MemoryListener] = {}

    async def connect(self, address: str) -> Stream:
        """Connect."""
        await trio.lowlevel.checkpoint()
        listener = self.listeners.get(address)
        if listener is None:
            raise ConnectionRefusedError(f"nobody at {address}")
        return listener.connect()

    async def listen(self, address: str) -> Listener:
        """Listen."""
        await trio.lowlevel.checkpoint()
        listener = self.listeners[address] = MemoryListener(self, address)
        return listener


class InlineThreads:
    """Does blocking work on the spot: in memory nothing blocks."""

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Do the work after a checkpoint."""
        await trio.lowlevel.checkpoint()
        return work(*arguments)


def simulated_world(seed: int) -> World:
    """Return a world in memory whose random numbers come from a seed."""
    rng = random.Random(seed)  # noqa: S311 - reproducible on purpose
    return World(SimulatedClock(), rng, MemoryDisk(), MemoryNetwork(), InlineThreads())
