"""Writes docs/config.md from the sections, so that it cannot drift from them."""

from __future__ import annotations

import dataclasses
import inspect
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from atoll.config.reading import Config
from atoll.config.setting import Setting, settings_of
from atoll.registry import CONFIG_SECTIONS

_HEAD = """\
# Configuration

<!-- Written by `python -m atoll.config`; run `make docs` instead of editing. -->

Everything has a default: `atoll up` needs no configuration. What differs stands in one TOML
file, `DIR/atoll.toml` in the data folder unless `--config FILE` names another. A flag wins over
the file. Every setting has the flag `--set SECTION.SETTING=VALUE`, and some have a short one:
`--listen`, `--workers`, `--devices`, `--replicas`. The data folder is `--data DIR`, else the
environment variable `ATOLL_DATA`, else `./atoll-data`.

An unknown setting, a wrong type or a value out of range is refused in one line, with exit code 2,
before anything is changed. Names end in their unit: `_s` is seconds, `_bytes` bytes.

```toml
[server]
listen = "0.0.0.0:8080"
workers = 4

[device]
count = 12
```
"""

_KIND_NAMES = {str: "string", int: "integer", float: "number", bool: "boolean", Path: "path"}


def reference(sections: Mapping[str, str] = CONFIG_SECTIONS) -> str:
    """Return docs/config.md."""
    parts = [_HEAD]
    for name, section in Config(sections=sections).kinds().items():
        parts.append(f"\n## [{name}]\n\n{_about(section)}\n\n{_table(section)}")
    return "".join(parts)


def _about(section: type) -> str:
    """Return the docstring without its "Attributes:"."""
    text = inspect.cleandoc(section.__doc__ or "")
    return text.partition("Attributes:")[0].strip()


def _table(section: type) -> str:
    lines = ["| setting | type | default | meaning |", "| --- | --- | --- | --- |"]
    nested = []
    for setting in settings_of(section).values():
        lines.append(
            f"| `{setting.name}` | {_kind_name(setting.kind)} | {_default(setting)} "
            f"| {_meaning(setting)} |"
        )
        inner = _inner_section(setting.kind)
        if inner is not None:
            nested.append(f"\nEach of `{setting.name}`: {_about(inner)}\n\n{_table(inner)}")
    return "\n".join(lines) + "\n" + "".join(nested)


def _kind_name(kind: Any) -> str:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        return _kind_name(next(one for one in arguments if one is not types.NoneType))
    if origin is tuple:
        return f"list of {_kind_name(arguments[0])}s"
    if origin in (dict, Mapping):
        return f"table of {_kind_name(arguments[1])}s"
    return _KIND_NAMES.get(kind, "table")


def _inner_section(kind: Any) -> type | None:
    """Return the dataclass that a list or table of tables is made of."""
    for inner in (kind, *typing.get_args(kind)):
        if dataclasses.is_dataclass(inner) and isinstance(inner, type):
            return inner
    return None


def _default(setting: Setting) -> str:
    value = setting.default
    if value is dataclasses.MISSING:
        return "must be set"
    if value is None:
        return "unset"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, str | Path):
        return f'`"{value}"`'
    if isinstance(value, tuple):
        return f"`{list(value)}`"
    return f"`{value}`"


def _meaning(setting: Setting) -> str:
    low, high = setting.bounds.low, setting.bounds.high
    doc = setting.doc
    if setting.bounds.choices:
        doc += f" One of {', '.join(f'`{choice}`' for choice in setting.bounds.choices)}."
    if low is not None and high is not None:
        doc += f" From {low:,} to {high:,}."
    elif low is not None:
        doc += f" At least {low:,}."
    elif high is not None:
        doc += f" At most {high:,}."
    return doc.replace("|", "\\|")
