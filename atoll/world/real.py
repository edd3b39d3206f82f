"""The real world: Linux files, the system's clock and randomness, Unix and TCP sockets."""

from __future__ import annotations

import ctypes
import errno
import os
import random
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import trio
from typing_extensions import Buffer

from atoll.world.interface import DiskError, DiskFullError, Listener, Stream, T, World

RECEIVE_SIZE_BYTES = 256 * 1024
LISTEN_BACKLOG = 512
UNIX_PATH_BYTES_MAX = 108  # of sockaddr_un, its closing zero byte included
_SYNC_FILE_RANGE_WRITE = 2
_libc = ctypes.CDLL(None)
_libc.sync_file_range.argtypes = (ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint)
_NO_ROOM = frozenset((errno.ENOSPC, errno.EDQUOT))


def _disk_error(operation: str, path: Path, error: OSError) -> DiskError:
    kind = DiskFullError if error.errno in _NO_ROOM else DiskError
    return kind(operation, path, error.strerror or str(error))


class SystemClock:
    """The machine's clocks; the monotonic one is trio's where trio runs."""

    def wall_ns(self) -> int:
        """Return physical time in nanoseconds since 1970."""
        return time.time_ns()

    def monotonic_s(self) -> float:
        """Return seconds on a clock that never goes back."""
        return time.monotonic()


class RealFile:
    """A file descriptor."""

    __slots__ = ("_fd", "_path")

    def __init__(self, fd: int, path: Path) -> None:
        self._fd = fd
        self._path = path

    def write(self, data: Buffer, /) -> None:
        """Append all of the data."""
        view = memoryview(data).cast("B")
        try:
            while view:
                view = view[os.write(self._fd, view) :]
        except OSError as error:
            raise _disk_error("write", self._path, error) from error

    def flush_soon(self) -> None:
        """Begin write-back of the file's dirty pages (sync_file_range(2))."""
        _libc.sync_file_range(self._fd, 0, 0, _SYNC_FILE_RANGE_WRITE)

    def sync(self) -> None:
        """Make what was written durable."""
        try:
            os.fdatasync(self._fd)
        except OSError as error:
            raise _disk_error("sync", self._path, error) from error

    def link(self, path: Path) -> None:
        """Give an unnamed file its name."""
        try:
            # Python follows the link only when given a folder, which an absolute path ignores.
            os.link(f"/proc/self/fd/{self._fd}", path, src_dir_fd=self._fd)
        except FileExistsError:
            raise
        except OSError as error:
            raise _disk_error("link", path, error) from error

    def read_into(self, buffer: Buffer, offset: int, *, wait: bool = True) -> int:
        """Fill the buffer from the offset."""
        view = memoryview(buffer).cast("B")
        done = 0
        try:
            while done < len(view):
                flags = 0 if wait else os.RWF_NOWAIT
                count = os.preadv(self._fd, [view[done:]], offset + done, flags)
                if not count:
                    break
                done += count
        except BlockingIOError:
            raise
        except OSError as error:
            if not wait and error.errno == errno.EOPNOTSUPP:  # a file system without NOWAIT
                raise BlockingIOError from error
            raise _disk_error("read", self._path, error) from error
        return done

    def size(self) -> int:
        """Return the size in bytes."""
        return os.fstat(self._fd).st_size

    def close(self) -> None:
        """Close the descriptor."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class RealDisk:
    """The file system."""

    def make_folder(self, path: Path, inner: Sequence[str] = ()) -> None:
        """Make the folder, its parents and folders in it, durably."""
        missing = [folder for folder in (path, *path.parents) if not folder.exists()]
        try:
            path.mkdir(parents=True, exist_ok=True, mode=0o700)
            for name in inner:
                (path / name).mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise _disk_error("make", path, error) from error
        for folder in missing:
            self.sync_folder(folder.parent)
        if inner:
            self.sync_folder(path)

    def entries(self, folder: Path) -> list[str]:
        """Return the sorted names in a folder."""
        try:
            return sorted(os.listdir(folder))
        except FileNotFoundError:
            return []
        except OSError as error:
            raise _disk_error("list", folder, error) from error

    def create(self, folder: Path) -> RealFile:
        """Open a new unnamed file."""
        try:
            fd = os.open(folder, os.O_TMPFILE | os.O_WRONLY | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _disk_error("create in", folder, error) from error
        return RealFile(fd, folder)

    def open(self, path: Path) -> RealFile:
        """Open a file for reading."""
        try:
            return RealFile(os.open(path, os.O_RDONLY | os.O_CLOEXEC), path)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _disk_error("open", path, error) from error

    def unlink(self, path: Path) -> None:
        """Remove a file."""
        try:
            os.unlink(path)
        except FileNotFoundError:
            return
        except OSError as error:
            raise _disk_error("unlink", path, error) from error

    def rename(self, source: Path, target: Path) -> None:
        """Move a file."""
        try:
            os.rename(source, target)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise _disk_error("rename", source, error) from error

    def sync_folder(self, folder: Path) -> None:
        """Make the folder's entries durable."""
        try:
            fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                os.fsync(fd)
            finally:
                os.close(fd)
        except OSError as error:
            raise _disk_error("sync", folder, error) from error

    def replace(self, path: Path, data: bytes) -> None:
        """Write a small file whole: a synced neighbour, renamed over it."""
        fresh = path.with_name(path.name + ".new")
        try:
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
            file = RealFile(fd, fresh)
            try:
                file.write(data)
                file.sync()
            finally:
                file.close()
            os.rename(fresh, path)
        except OSError as error:
            raise _disk_error("replace", path, error) from error
        self.sync_folder(path.parent)

    def free_bytes(self, path: Path) -> int:
        """Return how many bytes can still be written below the path."""
        try:
            facts = os.statvfs(path)
        except OSError as error:
            raise _disk_error("measure", path, error) from error
        return facts.f_bavail * facts.f_frsize


class SocketStream:
    """A connected socket."""

    __slots__ = ("_sock",)

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        if sock.family != socket.AF_UNIX:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sock = sock

    async def send(self, data: Buffer, /) -> None:
        """Send all of the data; suspends only when the socket's buffer is full."""
        view = memoryview(data).cast("B")
        while view:
            try:
                view = view[self._sock.send(view) :]
            except BlockingIOError:
                await trio.lowlevel.wait_writable(self._sock)

    async def receive(self) -> bytes:
        """Return some bytes, none at the stream's end."""
        while True:
            await trio.lowlevel.wait_readable(self._sock)
            try:
                return self._sock.recv(RECEIVE_SIZE_BYTES)
            except BlockingIOError:
                continue

    async def aclose(self) -> None:
        """Close at once."""
        if self._sock.fileno() >= 0:
            trio.lowlevel.notify_closing(self._sock)
            self._sock.close()
        await trio.lowlevel.checkpoint()


class SocketListener:
    """A listening socket."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock

    async def accept(self) -> Stream:
        """Wait for the next connection."""
        while True:
            await trio.lowlevel.wait_readable(self._sock)
            try:
                return SocketStream(self._sock.accept()[0])
            except (BlockingIOError, ConnectionAbortedError):
                continue

    async def aclose(self) -> None:
        """Stop listening."""
        trio.lowlevel.notify_closing(self._sock)
        self._sock.close()
        await trio.lowlevel.checkpoint()


@contextmanager
def _resolve(address: str) -> Iterator[tuple[socket.AddressFamily, str | tuple[str, int]]]:
    """Yield a socket family and address; a path too long for one is reached by its folder."""
    if "/" not in address:
        host, _, port = address.rpartition(":")
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        yield family, (host.strip("[]"), int(port))
    elif len(address.encode()) < UNIX_PATH_BYTES_MAX:
        yield socket.AF_UNIX, address
    else:
        path = Path(address)
        folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            yield socket.AF_UNIX, f"/proc/self/fd/{folder}/{path.name}"
        finally:
            os.close(folder)


class RealNetwork:
    """Unix and TCP sockets."""

    async def connect(self, address: str) -> Stream:
        """Connect."""
        try:
            with _resolve(address) as (family, target):
                sock = trio.socket.socket(family)
                try:
                    await sock.connect(target)
                except BaseException:
                    sock.close()
                    raise
        except FileNotFoundError as error:
            raise ConnectionRefusedError(errno.ECONNREFUSED, f"nobody at {address}") from error
        return SocketStream(socket.socket(fileno=sock.detach()))

    async def listen(self, address: str) -> Listener:
        """Listen; the socket that a dead process left is replaced."""
        with _resolve(address) as (family, target):
            sock = socket.socket(family)
            try:
                if isinstance(target, str):
                    Path(target).unlink(missing_ok=True)
                else:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                sock.bind(target)
                sock.listen(LISTEN_BACKLOG)
                sock.setblocking(False)
            except BaseException:
                sock.close()
                raise
        await trio.lowlevel.checkpoint()
        return SocketListener(sock)


class TrioThreads:
    """Trio's worker threads."""

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Run blocking work in a thread."""
        return await trio.to_thread.run_sync(work, *arguments)


def real_world() -> World:
    """Return the world of a running process."""
    return World(SystemClock(), random.SystemRandom(), RealDisk(), RealNetwork(), TrioThreads())
