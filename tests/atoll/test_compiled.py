"""Compiled modules: never used but for the very sources that they were made from."""

import importlib
import os
import sys
from collections.abc import Iterator
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

from atoll import compiled

MODULE = "sample_package.sample"


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A tree with a source that works, and beside it an extension module that does not."""
    package = tmp_path / "sample_package"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "sample.py").write_text("VALUE = 1\n")
    (package / f"sample{EXTENSION_SUFFIXES[0]}").write_bytes(b"not an ELF file")
    monkeypatch.setattr(compiled, "ROOT", tmp_path)
    monkeypatch.setattr(compiled, "STAMP", tmp_path / "stamp")
    monkeypatch.setattr(compiled, "MODULES", (MODULE,))
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    finders = [finder for finder in sys.meta_path if finder is not compiled._SourceFinder]
    monkeypatch.setattr(sys, "meta_path", finders)
    monkeypatch.delenv(compiled.INTERPRETED, raising=False)
    yield tmp_path
    for name in (MODULE, MODULE.partition(".")[0]):
        sys.modules.pop(name, None)


def load() -> bool:
    """Tell whether the extension module is the one that is loaded; it cannot be."""
    try:
        return importlib.import_module(MODULE).VALUE != 1
    except ImportError:
        return True


def test_without_a_stamp_the_source_is_used(root: Path) -> None:
    assert not compiled.choose()
    assert not load()


def test_what_was_made_from_these_sources_is_used(root: Path) -> None:
    compiled.STAMP.write_text(compiled.stamp())
    assert compiled.choose()
    assert load()


@pytest.mark.parametrize("change", ["size", "time"])
def test_after_any_change_the_sources_are_used(root: Path, change: str) -> None:
    compiled.STAMP.write_text(compiled.stamp())
    source = compiled.source_of(MODULE)
    if change == "size":
        source.write_text("VALUE = 1  # changed\n")
    else:
        os.utime(source, ns=(1, 1))
    assert not compiled.choose()
    assert not load()


def test_the_environment_can_ask_for_the_sources(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled.STAMP.write_text(compiled.stamp())
    monkeypatch.setenv(compiled.INTERPRETED, "1")
    assert not compiled.choose()
    assert not load()


def test_every_module_has_a_source() -> None:
    assert [name for name in compiled.MODULES if not compiled.source_of(name).exists()] == []
    assert list(compiled.MODULES) == sorted(set(compiled.MODULES))
