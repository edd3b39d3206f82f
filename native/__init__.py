"""Native kernels: Reed-Solomon over GF(2^8) and CRCs, on the best instructions of this CPU."""

from native.crc import (
    crc32,
    crc32_combine,
    crc32c,
    crc32c_combine,
    crc64nvme,
    crc64nvme_combine,
)
from native.dispatch import LEVEL, Level
from native.errors import (
    ChecksumRangeError,
    CodeShapeError,
    FragmentCountError,
    FragmentIndexError,
    FragmentSizeError,
    LevelError,
    NativeError,
    ReedSolomonError,
    SelfTestError,
    TooFewFragmentsError,
)
from native.reed_solomon import ReedSolomon
from native.selftest import self_test

__all__ = [
    "LEVEL",
    "ChecksumRangeError",
    "CodeShapeError",
    "FragmentCountError",
    "FragmentIndexError",
    "FragmentSizeError",
    "Level",
    "LevelError",
    "NativeError",
    "ReedSolomon",
    "ReedSolomonError",
    "SelfTestError",
    "TooFewFragmentsError",
    "crc32",
    "crc32_combine",
    "crc32c",
    "crc32c_combine",
    "crc64nvme",
    "crc64nvme_combine",
    "self_test",
]
