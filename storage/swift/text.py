"""Header values between the bytes on the wire and the text in records, without loss.

Swift hands back the very bytes that an object's headers had, UTF-8 or not. Records hold text. So
bytes that are UTF-8 are stored as what they mean; all others as text in which the character
U+10FF00 + b stands for each byte b that is not ASCII.
"""

from __future__ import annotations

_ESCAPE = 0x10FF00
_LOWEST = chr(_ESCAPE + 0x80)
_ESCAPES = {byte: _ESCAPE + byte for byte in range(0x80, 0x100)}
_BYTES = {escape: byte for byte, escape in _ESCAPES.items()}


def decode(raw: bytes) -> str:
    """Return bytes as text."""
    if raw.isascii():
        return raw.decode("ascii")
    try:
        text = raw.decode()
    except UnicodeDecodeError:
        pass
    else:
        if max(text) < _LOWEST:
            return text
    return raw.decode("latin-1").translate(_ESCAPES)


def encode(text: str) -> bytes:
    """Return the bytes that `decode` had."""
    if text.isascii():
        return text.encode("ascii")
    if max(text) < _LOWEST:
        return text.encode()
    try:
        return text.translate(_BYTES).encode("latin-1")
    except UnicodeEncodeError:  # text that `decode` never made
        return text.encode()


def is_utf8(raw: bytes) -> bool:
    """Tell whether bytes are valid UTF-8 without NUL, as names and much metadata must be."""
    if b"\0" in raw:
        return False
    try:
        raw.decode()
    except UnicodeDecodeError:
        return False
    return True


TRUE_VALUES = frozenset((b"true", b"1", b"yes", b"on", b"t", b"y"))


def is_true(value: bytes | None) -> bool:
    """Tell whether a header or parameter says yes, in any of Swift's ways."""
    return value is not None and value.lower() in TRUE_VALUES
