"""Imports point down: no layer knows one that stands on it."""

import ast

import pytest
from source_tree import LAYERS, ROOT, Source, imported_modules, sources

# Layer → the layers it may import. Services reach the store through its front doors or its
# service interface, and each other through theirs.
BELOW = {
    "atoll": (),
    "native": ("atoll",),
    "ring": ("atoll", "native"),
    "storage": ("atoll", "native", "ring"),
    "identity": ("atoll", "storage"),
    "image": ("atoll", "storage", "identity"),
    "net": ("atoll", "storage", "identity"),
    "volume": ("atoll", "storage", "identity"),
    "compute": ("atoll", "storage", "identity"),
    "metering": ("atoll", "storage", "identity", "image", "net", "volume", "compute"),
    "orchestration": ("atoll", "storage", "identity", "image", "net", "volume", "compute"),
    "dashboard": LAYERS[:-1],
}


def violations(source: Source) -> list[str]:
    """Return "file:line imports x" for each import that points up or sideways."""
    layer = source.name.partition("/")[0]
    allowed = {layer, *BELOW[layer]}
    found = {
        f"{source.name}:{line} imports {module.partition('.')[0]}"
        for line, module in imported_modules(source)
        if module.partition(".")[0] in LAYERS and module.partition(".")[0] not in allowed
    }
    return sorted(found)


def test_imports_point_down() -> None:
    found = [violation for source in sources() for violation in violations(source)]
    assert not found, "\n".join(found)


def test_every_package_is_a_layer() -> None:
    packages = {path.parent.name for path in ROOT.glob("*/py.typed")}
    assert packages <= set(LAYERS)


def test_no_relative_imports() -> None:
    found = [
        f"{source.name}:{node.lineno}"
        for source in sources()
        for node in ast.walk(source.tree)
        if isinstance(node, ast.ImportFrom) and node.level
    ]
    assert not found, f"write the whole module name: {found}"


@pytest.mark.parametrize(
    ("name", "text", "wrong"),
    [
        ("atoll/x.py", "import ring", True),
        ("atoll/x.py", "def f():\n    from storage.http import limits", True),
        ("ring/x.py", "import atoll.log, native", False),
        ("ring/x.py", "import storage.proxy", True),
        ("storage/x.py", "from identity import tokens", True),
        ("storage/x.py", "import ringo", False),
    ],
)
def test_the_test_itself(name: str, text: str, wrong: bool) -> None:
    assert bool(violations(Source(name, text))) == wrong
