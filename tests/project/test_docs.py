"""Documentation is true: paths exist, generated pages are fresh, every verb is mentioned."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from source_tree import LAYERS, ROOT, imported_modules, sources

from atoll.config.reference import reference as config_reference
from atoll.metrics.reference import reference as metrics_reference
from atoll.registry import COMMANDS

PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
TOP = {*LAYERS, "tests", "benchmarks", "docs", "tools", ".ci"}
# `some/path`, [text](some/path) and indented trees are how pages name files.
QUOTED = re.compile(r"`([\w.-]+(?:/[\w.-]+)*/?)`|\]\(([\w./-]+?)(?:#[\w-]*)?\)")
ROOT_FILE = re.compile(r"[A-Z]+\.md|Makefile|LICENSE|\w+\.toml|constraints\.txt")


def named_paths(page: Path) -> set[str]:
    """Return what looks like a path of this project on a page."""
    found = set()
    for quoted, linked in QUOTED.findall(page.read_text(encoding="utf-8")):
        name = quoted or linked
        first = name.partition("/")[0]
        is_below = first in TOP and ("/" in name or name in TOP)
        if linked or is_below or ROOT_FILE.fullmatch(name):
            found.add(name)
    return found - {"atoll.toml", "users.toml"}  # the operator's


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_named_path_exists(page: Path) -> None:
    missing = [
        name
        for name in sorted(named_paths(page))
        if not (ROOT / name).exists() and not (page.parent / name).exists()
    ]
    assert not missing, f"{page.name} names what is not there: {missing}"


@pytest.mark.parametrize(
    ("name", "fresh"), [("config.md", config_reference), ("metrics.md", metrics_reference)]
)
def test_generated_pages_are_fresh(name: str, fresh) -> None:  # type: ignore[no-untyped-def]
    assert (ROOT / "docs" / name).read_text(encoding="utf-8") == fresh(), "run `make docs`"


def test_every_command_is_documented() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    missing = [name for name in COMMANDS if not re.search(rf"\batoll {name}\b", text)]
    assert not missing


def test_every_make_target_is_documented() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (phony,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    help_text = makefile.partition("\nhelp:")[2].partition("\n\n")[0]
    for target in set(phony.split()) - {"help"}:
        assert f"make {target}" in help_text


def test_every_dependency_has_a_line() -> None:
    text = (ROOT / "docs" / "dependencies.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `([\w.-]+)`", text, re.MULTILINE))
    project = (ROOT / "pyproject.toml").read_text()
    needed = set(re.findall(r'^    "([\w.-]+)(?:>=[\d.]+)?",$', project, re.MULTILINE))
    assert needed == listed


def test_every_dependency_is_pinned() -> None:
    pinned = re.findall(r"^([\w.-]+)==\S+$", (ROOT / "constraints.txt").read_text(), re.MULTILINE)
    project = (ROOT / "pyproject.toml").read_text()
    needed = set(re.findall(r'^    "([\w.-]+)(?:>=[\d.]+)?",$', project, re.MULTILINE))
    assert needed <= set(pinned)


def test_third_party_imports_are_declared() -> None:
    """What the layers import is in the standard library, in the project or declared."""
    project = (ROOT / "pyproject.toml").read_text()
    runtime = project.partition("dependencies = [")[2].partition("]")[0]
    declared = {name.replace("-", "_") for name in re.findall(r'"([\w.-]+)', runtime)}
    known = {*sys.stdlib_module_names, *LAYERS, *declared, "setuptools"}
    foreign = {
        f"{source.name}:{line} imports {module}"
        for source in sources()
        for line, module in imported_modules(source)
        if module.partition(".")[0] not in known
    }
    assert not foreign


@pytest.mark.slow
@pytest.mark.parametrize("command", [name for name in COMMANDS if name != "ring"])
def test_every_command_has_help(command: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", "from atoll.cli import main; main()", command, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Usage:" in done.stdout
