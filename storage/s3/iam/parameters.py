"""The parameters of a request in AWS's Query protocol: a form, whose lists are numbered names."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qsl

from storage.s3.iam.errors import IamError, invalid
from storage.s3.iam.limits import FIELDS_MAX, TAGS_MAX

NAME: Final = re.compile(r"[\w+=,.@-]+", re.ASCII)
PATH: Final = re.compile(r"/|/[\x21-\x7e]+/")
_TAG: Final = re.compile(r"[\w\s.:/=+@-]*")
_PATH_LENGTH_MAX: Final = 512
_TAG_KEY_LENGTH_MAX: Final = 128
_TAG_VALUE_LENGTH_MAX: Final = 256


class Parameters:
    """The parameters of a request.

    Args:
        pairs: names and values.
    """

    def __init__(self, pairs: Iterable[tuple[str, str]]) -> None:
        self._values = dict(pairs)

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str, default: str = "") -> str:
        """Return a parameter."""
        return self._values.get(name, default)

    def required(self, name: str) -> str:
        """Return a parameter that must be there.

        Raises:
            IamError: ValidationError.
        """
        value = self._values.get(name)
        if not value:
            raise invalid(name, value or "null", "Member must not be null")
        return value

    def name(self, name: str, length_max: int = 64, length_min: int = 1) -> str:
        """Return a parameter that names something.

        Raises:
            IamError: ValidationError.
        """
        value = self.required(name)
        if not length_min <= len(value) <= length_max:
            constraint = f"Member must have length between {length_min} and {length_max}"
            raise invalid(name, value, constraint)
        if not NAME.fullmatch(value):
            raise invalid(name, value, f"Member must satisfy pattern: {NAME.pattern}")
        return value

    def text(self, name: str, length_max: int) -> str:
        """Return a parameter of any text, empty where it is not there.

        Raises:
            IamError: ValidationError.
        """
        value = self.get(name)
        if len(value) > length_max:
            raise invalid(name, value, f"Member must have length at most {length_max}")
        return value

    def path(self, name: str = "Path") -> str:
        """Return a path, that of the root where there is none.

        Raises:
            IamError: ValidationError.
        """
        value = self.get(name) or "/"
        if len(value) > _PATH_LENGTH_MAX or not PATH.fullmatch(value):
            raise invalid(name, value, "Member must begin and end with /")
        return value

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """Return a number within bounds.

        Raises:
            IamError: ValidationError.
        """
        text = self.get(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit()) or len(text) > 12:
            raise invalid(name, text, "Member must be a number")
        if not low <= int(text) <= high:
            raise invalid(name, text, f"Member must have value between {low} and {high}")
        return int(text)

    def members(self, name: str, field: str = "") -> list[str]:
        """Return the members of a list, in order; of structures one field each.

        A member without the field counts as an empty one.
        """
        found = []
        for number in range(1, FIELDS_MAX):
            prefix = f"{name}.member.{number}"
            if field:
                if not any(key.startswith(f"{prefix}.") for key in self._values):
                    break
                found.append(self.get(f"{prefix}.{field}"))
            elif prefix in self._values:
                found.append(self._values[prefix])
            else:
                break
        return found

    def tags(self) -> Mapping[str, str]:
        """Return the tags of the parameter Tags.

        Raises:
            IamError: ValidationError; InvalidInput, a key is there twice.
        """
        keys, values = self.members("Tags", "Key"), self.members("Tags", "Value")
        if len(keys) > TAGS_MAX:
            raise invalid("Tags", "", f"Member must have length at most {TAGS_MAX}")
        for key, value in zip(keys, values, strict=True):
            if not 1 <= len(key) <= _TAG_KEY_LENGTH_MAX or not _TAG.fullmatch(key):
                raise invalid("Tags", key, "Member must be a tag's key")
            if len(value) > _TAG_VALUE_LENGTH_MAX or not _TAG.fullmatch(value):
                raise invalid("Tags", value, "Member must be a tag's value")
        if len({key.lower() for key in keys}) != len(keys):
            raise IamError("InvalidInput", "Duplicate tag keys found.")
        return dict(zip(keys, values, strict=True))

    def refuse(self, *names: str) -> None:
        """Refuse parameters that would narrow rights, and that are not obeyed here.

        Raises:
            IamError: InvalidInput.
        """
        for name in names:
            if any(key == name or key.startswith(f"{name}.") for key in self._values):
                raise IamError("InvalidInput", f"{name} is not supported.")


def read_form(*parts: bytes) -> Parameters:
    """Return the parameters in a query string or body.

    Raises:
        IamError: MalformedQueryString.
    """
    try:
        pairs = [
            pair
            for part in parts
            for pair in parse_qsl(
                part.decode("ascii"),
                keep_blank_values=True,
                errors="strict",
                max_num_fields=FIELDS_MAX,
            )
        ]
    except ValueError as error:  # no ASCII, no UTF-8, too many
        raise IamError("MalformedQueryString", "The query string is malformed.") from error
    if len({name for name, _ in pairs}) != len(pairs):
        raise IamError("MalformedQueryString", "A parameter is there twice.")
    if any("\0" in value for _, value in pairs):
        raise IamError("MalformedQueryString", "A parameter has NUL.")
    return Parameters(pairs)
