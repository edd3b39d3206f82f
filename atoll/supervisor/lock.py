"""Locks whose holder the kernel names: one supervisor per data folder, one process per role.

These are POSIX record locks. The kernel frees one when its holder dies, however it dies, and
tells anyone who asks which process holds it, so no process id is ever read from a stale file.
Two rules come with them: a lock is not inherited over fork, and closing any descriptor of the
file frees it, so a process opens each lock file once.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import struct
from pathlib import Path

import trio

from atoll.errors import OperatorError
from atoll.log import get_logger
from atoll.world import Clock

KILL_PATIENCE_S = 5.0
_POLL_INTERVAL_S = 0.01
_FLOCK = struct.Struct("hhqqi4x")  # struct flock of 64-bit Linux: type, whence, start, length, pid

log = get_logger()


class HeldError(Exception):
    """Another process holds the lock.

    Attributes:
        path: of the lock.
        pid: of its holder.
    """

    def __init__(self, path: Path, pid: int) -> None:
        self.path = path
        self.pid = pid
        super().__init__(f"{path} is held by process {pid}")


class Lock:
    """A lock that this process holds until it ends or releases it."""

    def __init__(self, path: Path) -> None:
        """Take the lock.

        Raises:
            HeldError: another process has it.
            OSError: the disk failed.
        """
        self._file = path.open("ab")
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except (BlockingIOError, PermissionError) as error:  # which one is up to the system
            self._file.close()
            raise HeldError(path, holder(path) or 0) from error

    def release(self) -> None:
        """Let the next one have it."""
        self._file.close()


def holder(path: Path) -> int | None:
    """Return which other process holds a lock, or None."""
    question = _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    try:
        with path.open("rb") as file:
            answer = fcntl.fcntl(file, fcntl.F_GETLK, question)
    except FileNotFoundError:
        return None
    kind, _, _, _, pid = _FLOCK.unpack(answer)
    return None if kind == fcntl.F_UNLCK else int(pid)


async def clear_leftovers(folder: Path, clock: Clock, patience_s: float) -> None:
    """Wait until no process of a former run is left; kill those that take too long.

    They are stopping already, since their supervisor is gone. One that not even SIGKILL ends (its
    disk hangs) keeps its lock, and its successor dies on that lock until it is gone.

    Args:
        folder: of locks, each held by one role process.
        clock: to measure patience by.
        patience_s: how long they may take before they are killed.
    """
    locks = sorted(folder.glob("*.lock"))
    if await _all_free(locks, clock, patience_s):
        return
    for path in locks:
        pid = holder(path)
        if pid is not None:
            log.warning("killing a process of the former run", name=path.stem, pid=pid)
            _kill(pid)
    if not await _all_free(locks, clock, KILL_PATIENCE_S):
        held = [path.stem for path in locks if holder(path) is not None]
        log.error("processes of the former run do not die", names=held)


async def _all_free(locks: list[Path], clock: Clock, patience_s: float) -> bool:
    deadline_s = clock.monotonic_s() + patience_s
    while any(holder(path) is not None for path in locks):
        if clock.monotonic_s() >= deadline_s:
            return False
        await trio.sleep(_POLL_INTERVAL_S)
    return True


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def stop_holder(path: Path, patience_s: float) -> bool:
    """Ask the process that holds a lock to end, and wait until it has.

    Args:
        path: of the lock.
        patience_s: how long to wait.

    Returns:
        Whether there was one.

    Raises:
        OperatorError: it is still there.
    """
    pid = holder(path)
    if pid is None:
        return False
    try:
        process = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        signal.pidfd_send_signal(process, signal.SIGTERM)
        ended = select.poll()
        ended.register(process, select.POLLIN)
        if not ended.poll(patience_s * 1000):
            raise OperatorError(f"process {pid} is still stopping after {patience_s:g} s")
    except ProcessLookupError:
        return True
    finally:
        os.close(process)
    return True
