"""Reads settings and says in one line what is wrong with them; never guesses a meaning."""

from __future__ import annotations

import dataclasses
import difflib
import json
import math
import types
import typing
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, cast

from atoll.config.setting import settings_of
from atoll.errors import ConfigError
from atoll.registry import CONFIG_SECTIONS, load

S = TypeVar("S")
Tables = dict[str, dict[str, Any]]

FLOAT_MAX = 1e300

_KIND_NAMES = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    Path: "a path",
}


class Config:
    """The settings of a cloud, section by section.

    ``config[ServerSettings]`` is the section as a dataclass. Sections are read when first asked
    for, so that a process imports only those it uses; `check` reads them all.
    """

    def __init__(
        self,
        tables: Mapping[str, Mapping[str, Any]] | None = None,
        *,
        where: str = "configuration",
        sections: Mapping[str, str] = CONFIG_SECTIONS,
    ) -> None:
        """Take tables as TOML or JSON gives them.

        Args:
            tables: section → setting → value; what is absent has its default.
            where: shown in errors: the file's name.
            sections: section → dotted path of its dataclass.

        Raises:
            ConfigError: a section is unknown or not a table.
        """
        self._where = where
        self._sections = sections
        self._tables: Tables = {}
        self._read: dict[type, object] = {}
        for name, table in (tables or {}).items():
            _refuse_unknown(where, name, sections, "section")
            if not isinstance(table, Mapping):
                raise ConfigError(where, name, "must be a table of settings")
            self._tables[name] = dict(table)

    def __getitem__(self, kind: type[S]) -> S:
        """Return a section.

        Args:
            kind: its dataclass, named in the registry.

        Raises:
            ConfigError: a setting of the section cannot be used.
            KeyError: the registry does not name the dataclass.
        """
        section = self._read.get(kind)
        if section is None:
            path = f"{kind.__module__}:{kind.__qualname__}"
            name = next((name for name, at in self._sections.items() if at == path), None)
            if name is None:
                raise KeyError(f"{path} is not in CONFIG_SECTIONS of the registry")
            section = _read_table(kind, self._tables.get(name, {}), name, self._where)
            self._read[kind] = section
        return cast(S, section)

    def kinds(self) -> dict[str, type]:
        """Return the dataclass of every section by name; imports them all."""
        return {name: load(path) for name, path in self._sections.items()}

    def check(self) -> None:
        """Read every section.

        Raises:
            ConfigError: a setting cannot be used.
        """
        for kind in self.kinds().values():
            self[kind]

    def replace(self, where: str, values: Mapping[str, Any]) -> Config:
        """Return these settings with some changed.

        Args:
            where: shown in errors about the changed settings: the flag's name.
            values: "section.setting" → value.

        Raises:
            ConfigError: a changed setting is unknown or cannot be used.
        """
        tables: Tables = {name: dict(table) for name, table in self._tables.items()}
        for dotted, value in values.items():
            section, _, name = dotted.partition(".")
            _refuse_unknown(where, section, self._sections, "section")
            kind: type = load(self._sections[section])
            _read_table(kind, {name: value}, section, where)
            tables.setdefault(section, {})[name] = value
        return Config(tables, where=self._where, sections=self._sections)

    def dump(self) -> bytes:
        """Return what was set, as JSON that `Config.parse` reads."""
        return json.dumps(self._tables, default=str).encode()

    @classmethod
    def parse(
        cls, data: bytes, *, where: str, sections: Mapping[str, str] = CONFIG_SECTIONS
    ) -> Config:
        """Return the settings that `dump` wrote.

        Raises:
            ConfigError: they do not fit the sections.
            ValueError: not JSON.
        """
        return cls(json.loads(data), where=where, sections=sections)


def load_config(
    path: Path | None = None, *, sections: Mapping[str, str] = CONFIG_SECTIONS
) -> Config:
    """Read a TOML file and check all of it; without a path everything has its default.

    Raises:
        ConfigError: the file cannot be read, or a setting cannot be used.
    """
    if path is None:
        config = Config(sections=sections)
    else:
        import tomllib  # only who reads a file needs it

        try:
            tables = tomllib.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise ConfigError(str(path), "file", error.strerror or str(error)) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(str(path), "file", f"not TOML: {error}") from error
        config = Config(tables, where=str(path), sections=sections)
    config.check()
    return config


def _refuse_unknown(where: str, name: str, known: Iterable[str], kind: str) -> None:
    names = list(known)
    if name.rpartition(".")[2] in names:
        return
    near = difflib.get_close_matches(name.rpartition(".")[2], names, n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(names)}"
    raise ConfigError(where, name, f"unknown {kind}; {hint}")


def _read_table(kind: type[S], table: Mapping[str, Any], name: str, where: str) -> S:
    """Return a table as its dataclass."""
    settings = settings_of(kind)
    values = {}
    for key, value in table.items():
        dotted = f"{name}.{key}"
        _refuse_unknown(where, dotted, settings, "setting")
        values[key] = _read_value(settings[key].kind, value, dotted, where)
        complaint = settings[key].bounds.complaint(values[key])
        if complaint:
            raise ConfigError(where, dotted, f"{complaint}, not {value!r}")
    for key, declared in settings.items():
        if key not in values and declared.default is dataclasses.MISSING:
            raise ConfigError(where, f"{name}.{key}", "must be set")
    try:
        return kind(**values)
    except ValueError as error:  # a rule between settings, kept in the section's __post_init__
        raise ConfigError(where, name, str(error)) from error


def _read_value(kind: Any, value: Any, dotted: str, where: str) -> Any:
    """Return a value as the type that its setting is annotated with."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (types.UnionType, typing.Union):
        if value is None and types.NoneType in arguments:
            return None
        (inner,) = (argument for argument in arguments if argument is not types.NoneType)
        return _read_value(inner, value, dotted, where)
    if origin is tuple and isinstance(value, list | tuple):
        return tuple(
            _read_value(arguments[0], item, f"{dotted}[{index}]", where)
            for index, item in enumerate(value)
        )
    if origin in (dict, Mapping) and isinstance(value, Mapping):
        return {
            str(key): _read_value(arguments[1], item, f"{dotted}.{key}", where)
            for key, item in value.items()
        }
    if dataclasses.is_dataclass(kind) and isinstance(kind, type) and isinstance(value, Mapping):
        return _read_table(kind, value, dotted, where)
    return _read_scalar(kind, value, dotted, where)


def _read_scalar(kind: Any, value: Any, dotted: str, where: str) -> Any:
    if kind is float and type(value) in (int, float):
        if not math.isfinite(value) or abs(value) > FLOAT_MAX:
            raise ConfigError(where, dotted, f"must be a finite number, not {value!r}")
        return float(value)
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    if type(value) is kind:
        return value
    wanted = _KIND_NAMES.get(kind, "a list" if typing.get_origin(kind) is tuple else "a table")
    raise ConfigError(where, dotted, f"must be {wanted}, not {value!r}")
