"""The parameters of a query string, parsed once."""

from __future__ import annotations

from urllib.parse import parse_qsl

from storage.s3.errors import S3Error

PARAMETERS_MAX = 256


class Parameters:
    """Parameters by name; of a repeated one the first counts.

    Args:
        query_string: as sent, without the question mark.

    Attributes:
        pairs: all of them in the order sent.

    Raises:
        S3Error: InvalidURI, it is not UTF-8, or there are too many.
    """

    __slots__ = ("_values", "pairs")

    def __init__(self, query_string: bytes) -> None:
        try:
            self.pairs = parse_qsl(
                query_string.decode(),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=PARAMETERS_MAX,
            )
        except ValueError:  # also what the decoder raises
            raise S3Error("InvalidURI") from None
        self._values = dict(reversed(self.pairs))

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def __bool__(self) -> bool:
        return bool(self._values)

    def names(self) -> set[str]:
        """Return the names."""
        return set(self._values)

    def get(self, name: str) -> str | None:
        """Return a parameter, or nothing where it is absent."""
        return self._values.get(name)

    def text(self, name: str) -> str:
        """Return a parameter, empty where it is absent."""
        return self._values.get(name, "")

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        """Return a number; one above the highest is taken for it, as AWS does.

        Raises:
            S3Error: InvalidArgument, it is no number or too low.
        """
        value = self._values.get(name)
        if value is None or value == "":
            return default
        text = value.removeprefix("-")
        if not (text.isascii() and text.isdigit() and len(text) <= _DIGITS_MAX):
            message = f"Provided {name} not an integer or within integer range"
            raise S3Error("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)
        number = int(value)
        if number < low or number > _INTEGER_MAX:
            message = f"Argument {name} must be an integer between {low} and {_INTEGER_MAX}"
            raise S3Error("InvalidArgument", message, ArgumentName=name, ArgumentValue=value)
        return min(number, high)


_DIGITS_MAX = 10
_INTEGER_MAX = 2**31 - 1
NO_PARAMETERS = Parameters(b"")
