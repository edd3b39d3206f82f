"""Structured logs: one event and its facts a line, on standard error, as JSON or as text.

Written by hand because every process of a cloud logs from its first moment, and importing a
logging library would cost each of them more than the rest of its start. A line that cannot be
written (a full disk, a closed terminal) is counted and dropped: logging never fails its caller.
"""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime

from atoll.config import LogSettings
from atoll.world import Clock

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
HIDDEN = "***"
STANDARD_ERROR = 2
LINE_SIZE_BYTES_MAX = 64 * 1024

request_id: ContextVar[str] = ContextVar("request_id", default="")
"""The request that the current task works for; every line logged meanwhile carries it."""

_SECRET_WORDS = ("password", "secret", "token", "authorization", "credential", "signature")
_SECRET_NAMES = frozenset(("key", "st_key", "auth_key", "tls_key", "api_key", "admin_key"))
_COLORS = {"debug": "\x1b[2m", "info": "\x1b[32m", "warning": "\x1b[33m", "error": "\x1b[31m"}
_RESET = "\x1b[0m"

Facts = Mapping[str, object]


class Sink:
    """A file descriptor for whole lines.

    Attributes:
        dropped: how many writes were lost.
    """

    def __init__(self, fd: int = STANDARD_ERROR) -> None:
        self._fd = fd
        self.dropped = 0

    def write(self, lines: bytes) -> None:
        """Write whole lines; what cannot be written is dropped and counted."""
        try:
            os.write(self._fd, lines)
        except OSError:  # no room, or nobody reads: there is no better place to say so
            self.dropped += 1

    def is_terminal(self) -> bool:
        """Return whether a person reads along."""
        return os.isatty(self._fd)


@dataclass(frozen=True, slots=True)
class _Output:
    """Where lines go and what they look like."""

    sink: Sink
    level: int
    as_json: bool
    colors: bool
    process: str
    wall_ns: Callable[[], int] | None


_output = _Output(Sink(), LEVELS["info"], False, False, "", None)


def configure(settings: LogSettings, process: str, clock: Clock, sink: Sink | None = None) -> None:
    """Set how this process logs; before that, lines are text without a time.

    Args:
        settings: level and format.
        process: name shown on every line, such as "worker-0".
        clock: for the time shown on every line.
        sink: where lines go, standard error by default.
    """
    global _output
    sink = sink or Sink()
    terminal = sink.is_terminal()
    as_json = settings.format == "json" or (settings.format == "auto" and not terminal)
    _output = _Output(sink, LEVELS[settings.level], as_json, terminal, process, clock.wall_ns)


def logs_json() -> bool:
    """Return whether this process logs JSON."""
    return _output.as_json


class Logger:
    """Logs events with the facts bound to it."""

    __slots__ = ("_facts",)

    def __init__(self, facts: Facts | None = None) -> None:
        self._facts = dict(facts or {})

    def bind(self, **facts: object) -> Logger:
        """Return a logger that adds these facts to every line."""
        return Logger({**self._facts, **facts})

    def debug(self, event: str, **facts: object) -> None:
        """Log what only a developer wants to see."""
        self._log("debug", event, facts)

    def info(self, event: str, **facts: object) -> None:
        """Log what happens in the normal course."""
        self._log("info", event, facts)

    def warning(self, event: str, **facts: object) -> None:
        """Log what an operator should look at some day."""
        self._log("warning", event, facts)

    def error(self, event: str, error: BaseException | None = None, **facts: object) -> None:
        """Log what an operator should look at now.

        Args:
            event: what happened.
            error: its whole chain of causes is logged with it.
            facts: whatever helps.
        """
        if error is not None:
            facts["exception"] = "".join(traceback.format_exception(error)).rstrip()
        self._log("error", event, facts)

    def _log(self, level: str, event: str, facts: Facts) -> None:
        output = _output
        if LEVELS[level] < output.level:
            return
        line: dict[str, object] = {}
        if output.wall_ns is not None:
            line["time"] = timestamp(output.wall_ns())
        line |= {"level": level, "event": event}
        if output.process:
            line["process"] = output.process
        if request := request_id.get():
            line["request_id"] = request
        for name, value in (*self._facts.items(), *facts.items()):
            line[name] = HIDDEN if is_secret(name) else value
        render = _as_json if output.as_json else _as_text
        output.sink.write(render(line, output.colors))


def get_logger(**facts: object) -> Logger:
    """Return a logger that adds the facts to every line."""
    return Logger(facts)


def is_secret(name: str) -> bool:
    """Return whether a fact of this name must not be logged."""
    lower = name.lower()
    return lower in _SECRET_NAMES or any(word in lower for word in _SECRET_WORDS)


def timestamp(wall_ns: int) -> str:
    """Return a time as RFC 3339 in UTC with milliseconds."""
    seconds, rest_ns = divmod(wall_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{rest_ns // 1_000_000:03d}Z"


def _as_json(line: Facts, _colors: bool) -> bytes:
    data = json.dumps(line, default=str).encode()
    if len(data) > LINE_SIZE_BYTES_MAX:
        kept = {name: line[name] for name in ("time", "level", "event") if name in line}
        data = json.dumps(kept | {"cut": len(data)}).encode()
    return data + b"\n"


def _as_text(line: Facts, colors: bool) -> bytes:
    rest = dict(line)
    level, event = str(rest.pop("level")), str(rest.pop("event"))
    time = str(rest.pop("time", ""))[11:]
    process = str(rest.pop("process", ""))
    exception = str(rest.pop("exception", ""))
    shown = " ".join(f"{name}={_shown(value)}" for name, value in rest.items())
    mark = f"{_COLORS[level]}{level:7}{_RESET}" if colors else f"{level:7}"
    text = " ".join(part for part in (time, mark, process, event, shown) if part)
    if exception:
        text += "\n" + exception
    return text.encode(errors="backslashreplace")[:LINE_SIZE_BYTES_MAX] + b"\n"


def _shown(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text and text else repr(text)


def fatal(line: str) -> None:
    """Say in one line on standard error why the program ends, whatever the log's format."""
    sys.stderr.write(f"atoll: {line}\n")
