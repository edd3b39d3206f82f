"""Which of the formats on offer an Accept header prefers (RFC 9110 section 12.5.1)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

_WORD = r'[^()<>@,;:"/\[\]?={}\x00-\x20\x7f]+'
_PARAMETER = rf'\s*;\s*({_WORD})\s*=\s*({_WORD}|"[^"\\]*")'
_PARAMETERS = re.compile(_PARAMETER)
_MEDIA_RANGE = re.compile(rf"\s*({_WORD})/({_WORD})((?:{_PARAMETER})*)\s*")


class _Preference(NamedTuple):
    quality: float
    is_exact: bool
    kind: str
    subkind: str

    def covers(self, media_type: str) -> bool:
        kind, _, subkind = media_type.partition("/")
        return self.kind in ("*", kind) and self.subkind in ("*", subkind)


def preferred(accept: str, offered: Sequence[str]) -> str | None:
    """Return the media type to send, or nothing where none is acceptable.

    Args:
        accept: the header; empty accepts anything.
        offered: media types, the server's favourite first.

    Raises:
        ValueError: the header is malformed.
    """
    if not accept:
        return offered[0]
    preferences = [_parse(media_range) for media_range in accept.split(",")]
    preferences.sort(key=lambda one: (one.quality, one.is_exact), reverse=True)
    for preference in preferences:
        for media_type in offered:
            if preference.quality > 0 and preference.covers(media_type):
                return media_type
    return None


def _parse(media_range: str) -> _Preference:
    match = _MEDIA_RANGE.fullmatch(media_range)
    if match is None:
        raise ValueError(f"malformed media range {media_range!r}")
    kind, subkind, parameters = match[1], match[2], match[3]
    qualities = [value for name, value in _PARAMETERS.findall(parameters) if name == "q"]
    if len(qualities) > 1:
        raise ValueError("more than one quality")
    quality = float(qualities[0]) if qualities else 1.0
    return _Preference(quality, "*" not in (kind, subkind), kind, subkind)
