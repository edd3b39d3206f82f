"""The project's own files, as its tests of itself see them."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
LAYERS = (
    "atoll",
    "native",
    "ring",
    "storage",
    "identity",
    "image",
    "net",
    "volume",
    "compute",
    "metering",
    "orchestration",
    "dashboard",
)


@dataclass(frozen=True)
class Source:
    """A Python file.

    Attributes:
        name: path from the root of the project.
        text: its content.
    """

    name: str
    text: str

    @property
    def tree(self) -> ast.Module:
        """The parsed file."""
        return ast.parse(self.text, self.name)


def sources(*folders: str) -> Iterator[Source]:
    """Yield the Python files below folders of the root; by default the layers that exist."""
    for folder in folders or LAYERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            yield Source(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8"))


def imported_modules(source: Source) -> Iterator[tuple[int, str]]:
    """Yield (line, module) of every import, also those inside functions."""
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            for alias in node.names:
                yield node.lineno, f"{node.module}.{alias.name}"
