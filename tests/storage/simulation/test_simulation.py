"""The simulation: promises are kept, runs repeat, and planted bugs are found."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import storage.object.effects
import storage.object.server
import storage.object.versions
import storage.proxy.registers
import storage.proxy.voters
from atoll.branch import Branch, branches
from atoll.world.simulated import MemoryDisk, MemoryFile
from storage.container.row import Counters
from storage.simulation import cli
from storage.simulation.checker import Checker, ViolationError, payload_bytes
from storage.simulation.run import SHAPES, Report, simulate

SEEDS = 100
STEPS = 60
REPEATED = (0, 1, 2, 40)
# Each is what a hurried hand might do, with as many seeds as must suffice to see it.
PLANTED_SEEDS_MAX = 100


@pytest.mark.slow
@pytest.mark.parametrize("first", range(0, SEEDS, 20))
def test_every_promise_is_kept(first: int) -> None:
    for seed in range(first, first + 20):
        report = simulate(seed, STEPS)
        assert not report.violation, f"seed {seed}: {report.violation}"
        assert report.outcomes.total() == STEPS


@pytest.mark.slow
def test_one_seed_one_run() -> None:
    """Also in another process, where strings have other hashes."""
    program = (
        "import sys; from storage.simulation.run import simulate\n"
        f"print(*(simulate(seed, {STEPS}).trace for seed in {REPEATED}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "PYTHONHASHSEED": "12345", "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    traces = [simulate(seed, STEPS).trace for seed in REPEATED]
    assert done.stdout.split() == traces
    assert [simulate(seed, STEPS).trace for seed in REPEATED] == traces
    assert len(set(traces)) == len(REPEATED)


def _no_sync(self: object) -> None:
    return


def _no_folder_sync(self: object, folder: Path) -> None:
    return


def _remove_at_once(txn: Any, write_id: bytes) -> None:
    txn.payloads.remove(write_id)


def _one(voters: int) -> int:
    return 1


def _forget_rows(self: Counters, name: bytes, old: object, new: object) -> Counters:
    return self


def _nothing_follows(snapshot: object, prefix: bytes, record: object) -> None:
    return


def _by_change(one: Any, other: Any) -> bool:
    return bool(one.created >= other.created)


def _summary_of_none(txn: object, prefix: bytes, grave: object) -> None:
    return


PLANTED: dict[str, list[tuple[object, str, Callable[..., Any]]]] = {
    "a payload's bytes are not synced": [(MemoryFile, "sync", _no_sync)],
    "a payload's name is not synced": [(MemoryDisk, "sync_folder", _no_folder_sync)],
    "a file goes before the commit": [(storage.object.effects, "remove_file", _remove_at_once)],
    "readers ask no majority": [
        (storage.proxy.registers, "majority", _one),
        (storage.proxy.voters, "majority", _one),
    ],
    "the version below a deleted one is not seen again": [
        (storage.object.versions, "following", _nothing_follows),
        (storage.object.server, "following", _nothing_follows),
    ],
    "a deleted version comes back with a late copy": [
        (storage.object.server, "outranks", _by_change),
        (storage.proxy.registers, "outranks", _by_change),
    ],
    "deletions of versions are not summed up": [
        (storage.object.effects, "_mark", _summary_of_none)
    ],
    "counters do not count": [(Counters, "replace", _forget_rows)],
}


@pytest.mark.slow
@pytest.mark.parametrize("bug", PLANTED)
def test_a_planted_bug_is_found(bug: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for target, name, planted in PLANTED[bug]:
        monkeypatch.setattr(target, name, planted)
    for seed in range(PLANTED_SEEDS_MAX):
        if simulate(seed, STEPS).violation:
            return
    pytest.fail(f"{PLANTED_SEEDS_MAX} seeds did not see that {bug}")


def test_branches_count() -> None:
    branch = Branch("a test was here")
    assert branches()["a test was here"] == 0
    branch.reached()
    assert branches()["a test was here"] == 1


def test_the_checker_knows_its_bytes() -> None:
    checker = Checker()
    checker.check_bytes("x-100", 10, payload_bytes("x-100")[10:60])
    with pytest.raises(ViolationError, match="wrong bytes"):
        checker.check_bytes("x-100", 11, payload_bytes("x-100")[10:60])
    with pytest.raises(ViolationError, match="nobody wrote"):
        checker.payload_of("0" * 32)


def run_cli(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli.simulate_command, arguments)
    return result.exit_code, result.output


def test_the_command_tells_of_broken_promises(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(seed: int, steps: int) -> Report:
        report = Report(seed, SHAPES[0], trace="ab", events=["1.0 client 0: put c/a: done"])
        report.violation = "it was lost" if seed == 5 else ""
        report.outcomes["put: done"] += steps
        return report

    monkeypatch.setattr(cli, "simulate", broken)
    code, text = run_cli("--first-seed", "4", "--seeds", "3", "--steps", "7")
    assert code == cli.EXIT_VIOLATION
    assert "seed 5 of" in text
    assert "it was lost" in text
    assert "atoll simulate --first-seed 5 --seeds 1 --steps 7" in text
    assert "3 runs, 21 operations" in text
    assert "client 0" not in text
    assert "client 0: put c/a: done" in run_cli("--first-seed", "5", "--seeds", "1", "--trace")[1]
    code, text = run_cli("--first-seed", "4", "--seeds", "3", "--json")
    assert code == cli.EXIT_VIOLATION
    found = json.loads(text)
    assert found["violations"] == [{"seed": 5, "violation": "it was lost", "trace": "ab"}]
    assert run_cli("--seeds", "3")[0] == 0


@pytest.mark.slow
def test_the_command_runs() -> None:
    code, text = run_cli("--seeds", "3", "--steps", "20")
    assert code == 0, text
    assert "3 runs, 60 operations" in text
    assert "branches that no seed reached:" in text


@pytest.mark.parametrize(
    "arguments", [("--seeds", "0"), ("--first-seed", "-1"), ("--steps", "x"), ("--unknown",)]
)
def test_the_command_refuses_nonsense(arguments: tuple[str, ...]) -> None:
    assert run_cli(*arguments)[0] == 2
