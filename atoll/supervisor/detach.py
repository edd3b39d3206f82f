"""Leaves the terminal: the parent waits for one message and exits, the child becomes the cloud."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

EXIT_DIED = 1


class Parent:
    """The process that waits at the terminal, seen from the child."""

    def __init__(self, fd: int) -> None:
        """Take over the writing end of the pipe to it."""
        self._fd = fd

    def show(self, screen: Sequence[str]) -> None:
        """Have the lines printed, and the parent exit with success."""
        self._tell({"screen": list(screen)})

    def fail(self, line: str, exit_code: int) -> None:
        """Have one line printed on standard error, and the parent exit."""
        self._tell({"error": line, "exit_code": exit_code})

    def _tell(self, message: dict[str, object]) -> None:
        if self._fd < 0:
            return
        try:
            os.write(self._fd, json.dumps(message).encode())  # short enough to go whole
        except BrokenPipeError:  # it was interrupted; the cloud comes up all the same
            pass
        finally:
            os.close(self._fd)
            self._fd = -1


def detach(log: Path) -> Parent:
    """Fork; return in the child only, with standard streams on the log file.

    The parent prints what the child tells it and exits. Call before any thread is started.

    Args:
        log: where standard output and error go; its folder is made.

    Raises:
        OSError: the log cannot be written.
    """
    log.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    output = log.open("ab")
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        sys.exit(_wait(reader, log))
    os.close(reader)
    os.setsid()
    with Path(os.devnull).open("rb") as nothing:
        os.dup2(nothing.fileno(), 0)
    sys.stdout.flush()
    os.dup2(output.fileno(), 1)
    os.dup2(output.fileno(), 2)
    output.close()
    return Parent(writer)


def _wait(reader: int, log: Path) -> int:
    """Print what the child says; return the exit code."""
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    if not data:
        sys.stderr.write(f"atoll: died while starting; see {log}\n")
        return EXIT_DIED
    message = json.loads(data)
    if "error" in message:
        sys.stderr.write(f"atoll: {message['error']}\n")
        return int(message["exit_code"])
    sys.stdout.write("".join(f"{line}\n" for line in message["screen"]))
    return 0
