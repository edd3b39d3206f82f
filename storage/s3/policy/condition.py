"""Conditions of a statement (IAM user guide, "IAM JSON policy elements: Condition operators").

A condition compares the values of one key of the request with the values in the policy. Each
operator is a row of `_OPERATORS`: how a value of the policy is read, and how it is compared.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import Enum
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any, NamedTuple, TypeAlias

from storage.s3.policy.error import PolicyError
from storage.s3.policy.glob import Glob, Keys, parse_glob

Network: TypeAlias = IPv4Network | IPv6Network
_OPERATOR = re.compile(r"(?:(ForAllValues|ForAnyValue):)?(\w+?)(IfExists)?")
_KEY = re.compile(r"(aws|s3|jwt|sts|saml|iam):[\w.:/=+@-]+(?:/[^*?]*)?")
_ARN_PARTS = 6
_UNREADABLE = (ValueError, InvalidOperation, OverflowError)


class Quantifier(Enum):
    """How the several values of a key are judged together."""

    ANY_IF_THERE = ""
    ALL = "ForAllValues"
    ANY = "ForAnyValue"


class Condition(NamedTuple):
    """One key under one operator.

    Attributes:
        operator: name, without quantifier and suffix.
        key: lower-case name.
        values: of the policy, as the operator reads them; one that fits is enough.
        quantifier: see `Quantifier`.
        if_exists: satisfied where the request does not have the key.
    """

    operator: str
    key: str
    values: tuple[Any, ...]
    quantifier: Quantifier
    if_exists: bool

    @property
    def is_negated(self) -> bool:
        """Whether no value of the policy may fit."""
        return _OPERATORS[self.operator].negated

    def holds(self, keys: Keys) -> bool:
        """Tell whether a request satisfies the condition."""
        found = keys.get(self.key)
        if self.operator == "Null":
            return (found is None) in self.values
        if found is None or (not found and self.quantifier is not Quantifier.ANY_IF_THERE):
            return self._holds_without_key()
        if self.quantifier is Quantifier.ALL:
            return all(self._admits(value, keys) for value in found)
        if self.is_negated and self.quantifier is Quantifier.ANY_IF_THERE:
            return all(self._admits(value, keys) for value in found)
        return any(self._admits(value, keys) for value in found)

    def _holds_without_key(self) -> bool:
        if self.if_exists or self.quantifier is Quantifier.ALL:
            return True
        return self.is_negated and self.quantifier is Quantifier.ANY_IF_THERE

    def _admits(self, value: str, keys: Keys) -> bool:
        _, compare, negated = _OPERATORS[self.operator]
        return any(compare(value, wanted, keys) for wanted in self.values) is not negated


class Operator(NamedTuple):
    """What an operator does.

    Attributes:
        read: makes a value of the policy comparable; told whether policy variables are known.
        compare: tells whether a value of the request fits one of the policy.
        negated: the condition holds where none fits.
    """

    read: Callable[[str, bool], Any]
    compare: Callable[[str, Any, Keys], bool]
    negated: bool = False


def parse_conditions(block: object, *, has_variables: bool) -> Iterator[Condition]:
    """Yield the conditions in the element Condition.

    Args:
        block: its value.
        has_variables: the policy's version knows policy variables.

    Raises:
        PolicyError: an operator, key or value that cannot be.
    """
    if not isinstance(block, dict):
        raise PolicyError("Invalid policy syntax.")
    for title, keys in block.items():
        found = _OPERATOR.fullmatch(title)
        operator = found[2] if found else ""
        if found is None or operator not in _OPERATORS or (operator == "Null" and found[3]):
            raise PolicyError(f"Invalid Condition type : {title}")
        if not isinstance(keys, dict):
            raise PolicyError("Invalid policy syntax.")
        quantifier = Quantifier(found[1] or "")
        for key, values in keys.items():
            if not _KEY.fullmatch(key):
                raise PolicyError("Policy has an invalid condition key")
            read = _values(operator, values, has_variables)
            yield Condition(operator, key.lower(), read, quantifier, found[3] is not None)


def _values(operator: str, values: object, has_variables: bool) -> tuple[Any, ...]:
    read = _OPERATORS[operator].read
    listed = values if isinstance(values, list) else [values]
    if not listed:
        raise PolicyError("Invalid policy syntax.")
    try:
        return tuple(read(_text(value), has_variables) for value in listed)
    except _UNREADABLE as error:
        if isinstance(error, PolicyError):
            raise
        raise PolicyError("Invalid value in condition") from error


def _text(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise PolicyError("Invalid policy syntax.")


def _fixed(text: str, has_variables: bool) -> Glob:
    return parse_glob(text, has_variables=has_variables, has_wildcards=False)


def _pattern(text: str, has_variables: bool) -> Glob:
    return parse_glob(text, has_variables=has_variables)


def _arn(text: str, has_variables: bool) -> tuple[Glob, ...]:
    parts = text.split(":", _ARN_PARTS - 1)
    if text != "*" and len(parts) != _ARN_PARTS:
        raise ValueError(f"{text!r} is not an ARN")
    return tuple(parse_glob(part, has_variables=has_variables) for part in parts)


def _number(text: str, _: bool) -> Decimal:
    number = Decimal(text)
    if not number.is_finite():
        raise ValueError(f"{text!r} is not a number")
    return number


def _date(text: str, _: bool) -> datetime:
    try:
        return datetime.fromtimestamp(int(text), UTC)
    except ValueError:
        date = datetime.fromisoformat(text)
        return date if date.tzinfo else date.replace(tzinfo=UTC)


def _boolean(text: str, _: bool) -> bool:
    if text.lower() not in ("true", "false"):
        raise ValueError(f"{text!r} is neither true nor false")
    return text.lower() == "true"


def _bytes(text: str, _: bool) -> bytes:
    return base64.b64decode(text, validate=True)


def _network(text: str, _: bool) -> Network:
    return ip_network(text, strict=False)


def _is_equal(value: str, wanted: Glob, keys: Keys) -> bool:
    return wanted.matches(value, keys)


def _is_equal_in_any_case(value: str, wanted: Glob, keys: Keys) -> bool:
    return wanted.matches(value, keys, ignore_case=True)


def _is_arn_like(value: str, wanted: tuple[Glob, ...], keys: Keys) -> bool:
    if len(wanted) == 1:
        return True
    parts = value.split(":", _ARN_PARTS - 1)
    return len(parts) == _ARN_PARTS and all(
        pattern.matches(part, keys) for pattern, part in zip(wanted, parts, strict=True)
    )


def _in_network(value: str, wanted: Network, _: Keys) -> bool:
    try:
        address = ip_address(value)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return address.version == wanted.version and address in wanted


def _compared(
    read: Callable[[str, bool], Any], order: Callable[[Any, Any], bool]
) -> Callable[[str, Any, Keys], bool]:
    """Return a comparison that reads the request's value as it does the policy's."""

    def compare(value: str, wanted: Any, _: Keys) -> bool:
        try:
            return order(read(value, False), wanted)
        except _UNREADABLE:
            return False

    return compare


_ORDERS: Sequence[tuple[str, Callable[[Any, Any], bool], bool]] = (
    ("Equals", lambda one, other: one == other, False),
    ("NotEquals", lambda one, other: one == other, True),
    ("LessThan", lambda one, other: one < other, False),
    ("LessThanEquals", lambda one, other: one <= other, False),
    ("GreaterThan", lambda one, other: one > other, False),
    ("GreaterThanEquals", lambda one, other: one >= other, False),
)


def _ordered(kind: str, read: Callable[[str, bool], Any]) -> dict[str, Operator]:
    return {
        kind + suffix: Operator(read, _compared(read, order), negated)
        for suffix, order, negated in _ORDERS
    }


_OPERATORS: dict[str, Operator] = {
    "StringEquals": Operator(_fixed, _is_equal),
    "StringNotEquals": Operator(_fixed, _is_equal, negated=True),
    "StringEqualsIgnoreCase": Operator(_fixed, _is_equal_in_any_case),
    "StringNotEqualsIgnoreCase": Operator(_fixed, _is_equal_in_any_case, negated=True),
    "StringLike": Operator(_pattern, _is_equal),
    "StringNotLike": Operator(_pattern, _is_equal, negated=True),
    **_ordered("Numeric", _number),
    **_ordered("Date", _date),
    "Bool": Operator(_boolean, _compared(_boolean, lambda one, other: bool(one is other))),
    "BinaryEquals": Operator(_bytes, _compared(_bytes, lambda one, other: bool(one == other))),
    "IpAddress": Operator(_network, _in_network),
    "NotIpAddress": Operator(_network, _in_network, negated=True),
    "ArnEquals": Operator(_arn, _is_arn_like),
    "ArnLike": Operator(_arn, _is_arn_like),
    "ArnNotEquals": Operator(_arn, _is_arn_like, negated=True),
    "ArnNotLike": Operator(_arn, _is_arn_like, negated=True),
    "Null": Operator(_boolean, lambda *_: False),
}
