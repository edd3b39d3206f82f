"""What an operator can set about the engine."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """Limits and deadlines of the engine.

    Attributes:
        inline_size_bytes_max: payloads up to this size are kept in the index.
        object_size_bytes_max: no object may be larger.
        request_deadline_s: the longest that a body may take.
        write_deadline_s: for a device's answer to a write.
        attempts_max: how often a write that met a newer timestamp or another change is sent.
        pieces_bytes_max: memory for all uploads of a process together.
    """

    inline_size_bytes_max: int = 16 * 1024
    object_size_bytes_max: int = 5 * 1024**3 + 2
    request_deadline_s: float = 3600.0
    write_deadline_s: float = 30.0
    attempts_max: int = 16
    pieces_bytes_max: int = 32 * 1024 * 1024
