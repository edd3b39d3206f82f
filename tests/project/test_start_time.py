"""`atoll --help` answers at once: judged against bare click in the same run."""

import json
import subprocess
import sys

import pytest
from source_tree import ROOT

RATIO_MAX = 2.5
ROUNDS = 5
HEAVY = {"trio", "numpy", "lmdb", "prometheus_client", "rich", "asyncio", "storage", "ring"}

# Runs programs in turn, and prints the least CPU time of each child in seconds.
MEASURE = """
import json, os, resource, subprocess, sys
least = {}
for _ in range(int(sys.argv[1])):
    for program in sys.argv[2:]:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        least[program] = min(spent, least.get(program, spent))
print(json.dumps(list(least.values())))
"""
HELP = "import sys; from atoll.cli import main; sys.argv[1:] = ['--help']; main()"


@pytest.mark.slow
def test_help_costs_little_more_than_click() -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEASURE, str(ROUNDS), HELP, "import click"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    ours, click = json.loads(done.stdout)
    assert ours < RATIO_MAX * click, f"{ours * 1000:.0f} ms against {click * 1000:.0f} ms"


@pytest.mark.parametrize(
    ("program", "allowed"),
    [
        ("import atoll.cli", set()),
        ("import atoll.commands", set()),
        ("import atoll.config, atoll.log, atoll.metrics", {"trio"}),
        ("import atoll.role", {"trio"}),
    ],
)
def test_nothing_heavy_is_imported(program: str, allowed: set[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{program}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
        cwd=ROOT,
    )
    assert not (HEAVY - allowed) & set(done.stdout.split())
