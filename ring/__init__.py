"""Placement: which devices hold the replicas of a partition.

Looking up needs `Ring` and no more; it imports neither numpy nor the builder.
"""

from ring.device import Device
from ring.errors import RingFileError, RingInputError
from ring.lookup import Ring

__all__ = ["Device", "Ring", "RingFileError", "RingInputError"]
