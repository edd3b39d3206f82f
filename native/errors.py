"""What the native package refuses; each error keeps the values that explain it."""

from __future__ import annotations


class NativeError(Exception):
    """The root of this package's errors."""


class LevelError(NativeError):
    """The operator asked for a dispatch level that does not exist or that the CPU cannot run.

    Attributes:
        wanted: what was asked for.
        supported: the names of the levels that this machine can run.
    """

    def __init__(self, wanted: str, supported: list[str]) -> None:
        self.wanted = wanted
        self.supported = supported
        super().__init__(f"no native level {wanted!r} on this machine, only {', '.join(supported)}")


class SelfTestError(NativeError):
    """A kernel computed a wrong result: compiler, CPU or memory is at fault; do not start.

    Attributes:
        kernels: the name of the kernels.
        test: the vector that failed.
        found: what the kernel computed.
        expected: what is right.
    """

    def __init__(self, kernels: str, test: str, found: str, expected: str) -> None:
        self.kernels = kernels
        self.test = test
        self.found = found
        self.expected = expected
        super().__init__(f"{kernels} kernels fail {test}: {found} instead of {expected}")


class ChecksumRangeError(NativeError, ValueError):
    """The caller's start value is no checksum, or its length no length.

    Attributes:
        value: what was given.
        limit: the least value that is too large.
    """

    def __init__(self, value: int, limit: int) -> None:
        self.value = value
        self.limit = limit
        super().__init__(f"{value} is not in [0, {limit})")


class ReedSolomonError(NativeError, ValueError):
    """The caller's code shape or fragments are wrong; nothing was written."""


class CodeShapeError(ReedSolomonError):
    """There is no code with so many data and parity fragments.

    Attributes:
        data_count: k.
        parity_count: m.
        fragments_max: the limit on k + m.
    """

    def __init__(self, data_count: int, parity_count: int, fragments_max: int) -> None:
        self.data_count = data_count
        self.parity_count = parity_count
        self.fragments_max = fragments_max
        super().__init__(
            f"{data_count}+{parity_count} is no code: at least 1 data fragment, "
            f"0 parity fragments and at most {fragments_max} together"
        )


class FragmentCountError(ReedSolomonError):
    """The number of buffers is not that of the fragments they stand for.

    Attributes:
        found: buffers given.
        expected: fragments.
    """

    def __init__(self, found: int, expected: int) -> None:
        self.found = found
        self.expected = expected
        super().__init__(f"{found} buffers given for {expected} fragments")


class FragmentIndexError(ReedSolomonError):
    """No fragment has this index.

    Attributes:
        index: what was given.
        fragment_count: k + m, the least index that is too large.
    """

    def __init__(self, index: int, fragment_count: int) -> None:
        self.index = index
        self.fragment_count = fragment_count
        super().__init__(f"fragment index {index} is not in [0, {fragment_count})")


class FragmentSizeError(ReedSolomonError):
    """Fragments of one stripe differ in size.

    Attributes:
        index: the first fragment that differs.
        size_bytes: its size.
        expected_bytes: the size of the stripe's other fragments.
    """

    def __init__(self, index: int, size_bytes: int, expected_bytes: int) -> None:
        self.index = index
        self.size_bytes = size_bytes
        self.expected_bytes = expected_bytes
        super().__init__(f"fragment {index} has {size_bytes} bytes instead of {expected_bytes}")


class TooFewFragmentsError(ReedSolomonError):
    """Fewer than k fragments are left, so the data cannot be decoded.

    Attributes:
        found: distinct fragments available.
        needed: k.
    """

    def __init__(self, found: int, needed: int) -> None:
        self.found = found
        self.needed = needed
        super().__init__(f"{found} fragments available, {needed} needed")
