"""How a setting is declared: default, documentation and bounds on the line where it stands."""

from __future__ import annotations

import dataclasses
import re
import typing
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

_METADATA_KEY = "atoll.setting"
_ATTRIBUTE = re.compile(r"    (\w+): (.*)")


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a setting's value must keep to.

    Attributes:
        low: least value, or None.
        high: greatest value, or None.
        choices: the only values there are, or none given.
        check: returns what is wrong with a value ("must be …"), or None.
    """

    low: float | None = None
    high: float | None = None
    choices: tuple[object, ...] = ()
    check: Callable[[Any], str | None] | None = None

    def complaint(self, value: Any) -> str | None:
        """Return what is wrong with the value, or None."""
        if value is None:
            return None
        if self.choices and value not in self.choices:
            return f"must be one of {', '.join(map(repr, self.choices))}"
        if self.low is not None and value < self.low:
            return f"must be at least {self.low:,}"
        if self.high is not None and value > self.high:
            return f"must be at most {self.high:,}"
        return self.check(value) if self.check else None


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of a section.

    Attributes:
        name: the key in the file.
        kind: the type as annotated.
        default: what holds when the file is silent; `dataclasses.MISSING` when it must not be.
        doc: one or two sentences.
        bounds: what its value must keep to.
    """

    name: str
    kind: Any
    default: object
    doc: str
    bounds: Bounds


def setting(
    default: Any,
    doc: str,
    *,
    low: float | None = None,
    high: float | None = None,
    choices: tuple[object, ...] = (),
    check: Callable[[Any], str | None] | None = None,
) -> Any:
    """Declare a setting: the default of a dataclass field.

    Args:
        default: what holds when the file is silent; None where the type allows it.
        doc: what it does, in one or two sentences, for docs/config.md.
        low: least value.
        high: greatest value.
        choices: the only values there are.
        check: returns what is wrong with a value ("must be …"), or None.
    """
    metadata = {_METADATA_KEY: (doc, Bounds(low, high, choices, check))}
    if isinstance(default, list | dict):
        return dataclasses.field(default_factory=default.copy, metadata=metadata)
    return dataclasses.field(default=default, metadata=metadata)


def settings_of(section: type) -> Mapping[str, Setting]:
    """Return the settings of a section by name.

    A plain dataclass is a section too: its documentation is then the "Attributes:" of its
    docstring, and it has no bounds but its types.
    """
    kinds = typing.get_type_hints(section)
    attributes = _attribute_docs(section.__doc__ or "")
    found = {}
    for field in dataclasses.fields(section):
        doc, bounds = field.metadata.get(_METADATA_KEY, (attributes.get(field.name, ""), Bounds()))
        default = field.default
        if field.default_factory is not dataclasses.MISSING:
            default = field.default_factory()
        found[field.name] = Setting(field.name, kinds[field.name], default, doc, bounds)
    return found


def _attribute_docs(docstring: str) -> dict[str, str]:
    """Return the "Attributes:" of a Google-style docstring by name, each on one line."""
    _, _, text = docstring.partition("Attributes:\n")
    docs: dict[str, str] = {}
    name = ""
    lines = text.splitlines()
    margin = len(lines[0]) - len(lines[0].lstrip()) - 4 if lines else 0
    for line in lines:
        line = line[margin:]
        if match := _ATTRIBUTE.fullmatch(line):
            name, docs[name] = match[1], match[2]
        elif line.startswith("        ") and name:
            docs[name] += " " + line.strip()
        else:
            break
    return {name: doc[:1].upper() + doc[1:] for name, doc in docs.items()}
