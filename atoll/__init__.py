"""Ground floor of Atoll: what every layer stands on, and nothing of any layer."""

from atoll.compiled import choose

__version__ = "0.1.0"
IS_COMPILED = choose()
"""Whether the data path runs as machine code."""
