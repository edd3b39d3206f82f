"""What can be wrong with a ring, by who is at fault."""

from __future__ import annotations

from atoll.errors import OperatorError


class RingInputError(OperatorError):
    """What the caller asked of a ring cannot be; nothing was changed."""


class RingFileError(OperatorError):
    """A ring file is damaged, foreign, or of a version that this program does not read."""
