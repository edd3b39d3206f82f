"""What is compiled may not be the base of what is not: mypyc's classes refuse that at run time."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from source_tree import ROOT

from atoll.compiled import MODULES, source_of

OPEN_BASES = {"NamedTuple", "Protocol", "Enum", "IntEnum", "StrEnum", "TypedDict"}
"""Kinds of classes that stay Python's own, and so may have any heirs."""


def classes(source: Path) -> Iterator[ast.ClassDef]:
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ClassDef):
            yield node


def bases(node: ast.ClassDef) -> set[str]:
    return {base.id for base in node.bases if isinstance(base, ast.Name)}


def imports(source: Path) -> Iterator[tuple[str, str, str]]:
    """Walk the names that a module imports: its own name for each, whose it is, and what there."""
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module:
            for name in node.names:
                yield name.asname or name.name, node.module, name.name


def test_no_interpreted_class_has_a_compiled_base() -> None:
    closed = {
        (module, node.name)
        for module in MODULES
        for node in classes(source_of(module))
        if not bases(node) & OPEN_BASES
    }
    compiled = {source_of(module) for module in MODULES}
    wrong = []
    for package in ("atoll", "storage"):
        for source in (ROOT / package).rglob("*.py"):
            if source in compiled:
                continue
            known = {mine: (module, name) for mine, module, name in imports(source)}
            wrong += [
                f"{source.relative_to(ROOT)}: {node.name}({base})"
                for node in classes(source)
                for base in bases(node)
                if known.get(base) in closed
            ]
    assert wrong == []
