"""Seeded random numbers in bulk, the same on every machine and with every version of numpy."""

from __future__ import annotations

import hashlib
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ring.table import Numbers

_Words: TypeAlias = NDArray[np.uint64]

_GOLDEN = 0x9E3779B97F4A7C15
_INDEX_BITS = np.uint64(26)
_INDEX_MASK = np.uint64((1 << 26) - 1)
_GROUP_SHIFT = np.uint64(40)
_RANDOM_SHIFT = np.uint64(64 - 14)


class Shuffler:
    """SplitMix64 (Steele, Lea and Flood, OOPSLA 2014), whose n-th number is a function of n.

    numpy may change its own distributions between versions (NEP 19); a ring must not.

    Args:
        seed: any integer.
    """

    def __init__(self, seed: int) -> None:
        digest = hashlib.blake2b(b"%d" % seed, digest_size=8, person=b"atoll ring").digest()
        self._state = int.from_bytes(digest, "little")

    def words(self, count: int) -> _Words:
        """Return so many random 64-bit words."""
        numbers = np.arange(1, count + 1, dtype=np.uint64)
        numbers *= np.uint64(_GOLDEN)
        numbers += np.uint64(self._state)
        self._state = (self._state + count * _GOLDEN) % 2**64
        numbers ^= numbers >> np.uint64(30)
        numbers *= np.uint64(0xBF58476D1CE4E5B9)
        numbers ^= numbers >> np.uint64(27)
        numbers *= np.uint64(0x94D049BB133111EB)
        numbers ^= numbers >> np.uint64(31)
        return numbers

    def permutation(self, count: int) -> Numbers:
        """Return 0 … count - 1 in random order.

        Args:
            count: at most 2^26.
        """
        keys = self.words(count)
        keys &= ~_INDEX_MASK
        return _sorted_indexes(keys)

    def permutation_by(self, groups: Numbers) -> Numbers:
        """Return the indexes of all groups' members: by group, in random order within it.

        Args:
            groups: at most 2^26 numbers, each less than 2^24.
        """
        keys = groups.astype(np.uint64)
        keys <<= _GROUP_SHIFT
        keys |= (self.words(len(groups)) >> _RANDOM_SHIFT) << _INDEX_BITS
        return _sorted_indexes(keys)

    def below(self, limits: Numbers | int, count: int) -> Numbers:
        """Return so many random integers from 0, each below its limit.

        Args:
            limits: one for all or one for each; positive, less than 2^32.
            count: how many.
        """
        high_half = self.words(count) >> np.uint64(32)
        return ((high_half * np.asarray(limits, dtype=np.uint64)) >> np.uint64(32)).view(np.int64)


def _sorted_indexes(keys: _Words) -> Numbers:
    """Return the order of keys whose low bits are free.

    The index rides in the low bits: sorting is several times faster than an argsort, and no two
    keys are equal, so that every sort gives the same order.
    """
    keys |= np.arange(len(keys), dtype=np.uint64)
    keys.sort()
    keys &= _INDEX_MASK
    return keys.view(np.int64)
