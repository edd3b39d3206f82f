"""The policy of a browser's upload: what the fields of a form and its file may be.

Source: "Creating a POST policy" in the Amazon S3 API Reference. Whoever signed the policy allows
an upload whose every field meets a condition, until the policy expires. Names of fields and
operators match in any case.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from binascii import Error as Base64Error
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final, NamedTuple

from storage.s3.errors import S3Error

FILENAME_VARIABLE: Final = "${filename}"

_UNCONDITIONAL: Final = frozenset(
    ("awsaccesskeyid", "file", "policy", "signature", "x-amz-signature")
)
_IGNORED_PREFIX: Final = "x-ignore-"
_EXPIRATION: Final = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d{1,9})?Z", re.ASCII)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_OWN_ESCAPES: Final = {"$": "$", "v": "\\u000b"}
_SIZE_MAX: Final = 1 << 63


class Condition(NamedTuple):
    """What a field must be.

    Attributes:
        field: name in lower case.
        value: that the field must have, or begin with.
        is_prefix: which of the two.
    """

    field: str
    value: str
    is_prefix: bool

    def allows(self, text: str) -> bool:
        """Tell whether a field's value meets the condition."""
        if not self.is_prefix:
            return text == self.value
        if self.field == "content-type":  # several types are a list, all of which must match
            return all(part.strip().startswith(self.value) for part in text.split(","))
        return text.startswith(self.value)

    def __str__(self) -> str:
        operator = "starts-with" if self.is_prefix else "eq"
        return json.dumps([operator, f"${self.field}", self.value], ensure_ascii=False)


class PostPolicy(NamedTuple):
    """A policy.

    Attributes:
        expires_s: last second, since 1970, at which it holds.
        conditions: of fields.
        size_bytes_min: of the file.
        size_bytes_max: of the file.
    """

    expires_s: int
    conditions: tuple[Condition, ...]
    size_bytes_min: int
    size_bytes_max: int

    def check(self, fields: Mapping[str, str], bucket: str, now_s: int) -> None:
        """Check a form, but for the size of its file.

        Args:
            fields: by name in lower case, variables expanded.
            bucket: that the form is sent to.
            now_s: seconds since 1970.

        Raises:
            S3Error: AccessDenied.
        """
        if now_s > self.expires_s:
            raise _denied("Policy expired.")
        values = {**fields, "bucket": bucket}
        for condition in self.conditions:
            if not condition.allows(values.get(condition.field, "")):
                raise _denied(f"Policy Condition failed: {condition}")
        named = {condition.field for condition in self.conditions}
        extra = [
            name
            for name in values
            if name not in named
            and name not in _UNCONDITIONAL
            and not name.startswith(_IGNORED_PREFIX)
        ]
        if extra:
            raise _denied(f"Extra input fields: {', '.join(extra)}")

    def check_size(self, size_bytes: int) -> None:
        """Check the size of the file.

        Raises:
            S3Error: EntityTooSmall or EntityTooLarge.
        """
        if size_bytes < self.size_bytes_min:
            raise S3Error(
                "EntityTooSmall", ProposedSize=size_bytes, MinSizeAllowed=self.size_bytes_min
            )
        if size_bytes > self.size_bytes_max:
            raise S3Error(
                "EntityTooLarge", ProposedSize=size_bytes, MaxSizeAllowed=self.size_bytes_max
            )


def read_policy(encoded: str) -> PostPolicy:
    """Read a policy.

    Args:
        encoded: value of the field, JSON in Base64.

    Raises:
        S3Error: InvalidPolicyDocument.
    """
    document = _read_json(encoded)
    if not isinstance(document, dict):
        raise _invalid("Invalid JSON.")
    expiration = document.get("expiration")
    if expiration is None:
        raise _invalid("Policy missing expiration.")
    if "conditions" not in document:
        raise _invalid("Policy missing conditions.")
    if not isinstance(document["conditions"], list):
        raise _invalid("Invalid 'conditions' value: must be a List.")
    conditions: list[Condition] = []
    smallest, largest = 0, _SIZE_MAX
    for item in document["conditions"]:
        condition = _read_condition(item)
        if isinstance(condition, Condition):
            conditions.append(condition)
        else:
            smallest, largest = max(smallest, condition[0]), min(largest, condition[1])
    return PostPolicy(_read_expiration(expiration), tuple(conditions), smallest, largest)


def expand_filename(value: str, filename: str) -> str:
    """Return the value of a field with the name of the user's file, without its folders."""
    if FILENAME_VARIABLE not in value:
        return value
    return value.replace(FILENAME_VARIABLE, re.split(r"[/\\]", filename)[-1])


def _read_json(encoded: str) -> object:
    try:
        text = b64decode("".join(encoded.split()), validate=True).decode()
    except (Base64Error, ValueError) as error:
        raise _invalid("invalid Base64 encoding.") from error
    if not text:
        raise _invalid("Expecting '{' but found End-of-Input")
    try:
        return json.loads(_ESCAPE.sub(_own_escape, text))
    except (ValueError, RecursionError) as error:
        raise _invalid("Invalid JSON.") from error


def _own_escape(match: re.Match[str]) -> str:
    r"""Return an escape sequence as JSON has it: policies also have "\$" and "\v"."""
    return _OWN_ESCAPES.get(match[1], match[0])


def _read_expiration(value: object) -> int:
    match = _EXPIRATION.fullmatch(value) if isinstance(value, str) else None
    try:
        if match:
            moment = datetime.fromisoformat(match[1]).replace(tzinfo=UTC)
            return int(moment.timestamp())
    except ValueError:
        pass  # a date that no calendar has: refused like the others
    raise _invalid(f"Invalid 'expiration' value: '{value}'")


def _read_condition(item: object) -> Condition | tuple[int, int]:
    """Return a condition of a field, or the least and the greatest size of the file."""
    if isinstance(item, dict):
        return _read_simple(item)
    if not isinstance(item, list):
        raise _invalid("Invalid condition test: must be a List or Object.")
    if not item or not isinstance(item[0], str):
        raise _invalid("Invalid Condition: missing operation identifier.")
    operator = item[0].lower()
    if operator not in ("eq", "starts-with", "content-length-range"):
        raise _invalid(f"Invalid Condition: unknown operation '{item[0]}'.")
    if len(item) != 3:
        raise _invalid(f"Invalid {operator}: wrong number of arguments.")
    _, first, second = item
    if operator == "content-length-range":
        return _read_size(first), _read_size(second)
    if not (isinstance(first, str) and isinstance(second, str)):
        raise _invalid(f"Invalid {operator}: arguments must be strings.")
    if not first.startswith("$"):
        raise _invalid(f"Invalid {operator}: the name of a field must begin with '$'.")
    return Condition(first[1:].lower(), second, operator == "starts-with")


def _read_simple(item: dict[str, object]) -> Condition:
    if len(item) != 1:
        raise _invalid(
            "Invalid Simple-Condition: Simple-Conditions must have exactly one property specified."
        )
    [(name, value)] = item.items()
    if not isinstance(value, str):
        raise _invalid("Invalid Simple-Condition: value must be a string.")
    return Condition(name.lower(), value, False)


def _read_size(value: object) -> int:
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _SIZE_MAX:
        raise _invalid("Invalid content-length-range: arguments must be non-negative numbers.")
    return value


def _invalid(reason: str) -> S3Error:
    return S3Error("InvalidPolicyDocument", f"Invalid Policy: {reason}")


def _denied(reason: str) -> S3Error:
    return S3Error("AccessDenied", f"Invalid according to Policy: {reason}")
