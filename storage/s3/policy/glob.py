"""Patterns of the policy language: `*`, `?` and policy variables.

After the IAM user guide, "Policy elements: Variables and tags". A pattern becomes one regular
expression whose parts are atomic: the leftmost place of each part is taken for good, so that no
pattern a client writes can make the match backtrack.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple, Protocol

PATTERNS_KNOWN_MAX = 4096
_STAR = "*"
_TOKEN = re.compile(r"\$\{([^{}]*)\}|[*?]")
_VARIABLE = re.compile(r"\s*([^\s,']+)\s*(?:,\s*'([^']*)'\s*)?")


class Keys(Protocol):
    """The condition keys of a request."""

    def get(self, name: str, /) -> Sequence[str] | None:
        """Return a key's values, or nothing where the request does not have the key.

        Args:
            name: in lower case, such as "aws:sourceip".
        """


class Variable(NamedTuple):
    """A place for a condition key's value.

    Attributes:
        key: lower-case name.
        default: taken where the request has no such key; nothing makes the pattern match nothing.
    """

    key: str
    default: str | None


class Glob(NamedTuple):
    """A pattern.

    Attributes:
        text: as written.
        tokens: pieces of regular expressions, stars and variables.
    """

    text: str
    tokens: tuple[str | Variable, ...]

    @property
    def is_fixed(self) -> bool:
        """Whether it matches one text only, whoever asks."""
        return not _TOKEN.search(self.text)

    @property
    def keys(self) -> Iterator[str]:
        """The condition keys whose values it takes in."""
        return (token.key for token in self.tokens if isinstance(token, Variable))

    def matches(self, text: str, keys: Keys, *, ignore_case: bool = False) -> bool:
        """Tell whether the whole of a text is as the pattern says.

        What a variable stands for is taken literally, stars included.
        """
        resolved = []
        for token in self.tokens:
            if isinstance(token, Variable):
                value = _value_of(token, keys)
                if value is None:
                    return False
                token = re.escape(value)
            resolved.append(token)
        return _compile(tuple(resolved), ignore_case).fullmatch(text) is not None


def parse_glob(text: str, *, has_variables: bool = True, has_wildcards: bool = True) -> Glob:
    """Return the pattern in a text.

    Args:
        text: as in the policy.
        has_variables: `${…}` names a condition key (version 2012-10-17 only).
        has_wildcards: `*` and `?` mean something.

    Raises:
        ValueError: a variable is not well-formed.
    """
    return Glob(text, tuple(_tokens(text, has_variables, has_wildcards)))


def _tokens(text: str, has_variables: bool, has_wildcards: bool) -> Iterator[str | Variable]:
    at = 0
    for found in _TOKEN.finditer(text):
        inner = found[1]
        if has_variables if inner is not None else has_wildcards:
            yield re.escape(text[at : found.start()])
            yield _variable(inner) if inner is not None else _wildcard(found[0])
            at = found.end()
    yield re.escape(text[at:])


def _wildcard(sign: str) -> str:
    return _STAR if sign == "*" else "."


def _variable(inner: str) -> str | Variable:
    if inner in ("*", "?", "$"):
        return re.escape(inner)
    found = _VARIABLE.fullmatch(inner)
    if found is None:
        raise ValueError(f"${{{inner}}} is not a policy variable")
    return Variable(found[1].lower(), found[2])


def _value_of(variable: Variable, keys: Keys) -> str | None:
    values = keys.get(variable.key)
    if not values:
        return variable.default
    return values[0] if len(values) == 1 else None


@lru_cache(maxsize=PATTERNS_KNOWN_MAX)
def _compile(tokens: tuple[str, ...], ignore_case: bool) -> re.Pattern[str]:
    parts = [""]
    for token in tokens:
        if token == _STAR:
            parts.append("")
        else:
            parts[-1] += token
    source = parts[0]
    if len(parts) > 1:
        source += "".join(f"(?>.*?{part})" for part in parts[1:-1] if part) + ".*" + parts[-1]
    return re.compile(source, re.DOTALL | (re.IGNORECASE if ignore_case else 0))
