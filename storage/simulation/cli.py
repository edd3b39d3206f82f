"""``atoll simulate``: run clusters from seeds until one breaks a promise, or all kept them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

import click

from atoll.branch import branches
from storage.simulation.run import Report, simulate

EXIT_VIOLATION = 1
SEEDS_MAX = 10**9
STEPS_MAX = 100_000


@dataclass(slots=True)
class Summary:
    """What many runs did together.

    Attributes:
        seeds: how many runs.
        operations: of clients.
        virtual_s: time that passed in the clusters.
        outcomes: how often which operation had which outcome.
        faults: how often which fault happened.
        broken: reports of runs in which a promise was broken.
        before: how often each branch had been reached before.
    """

    seeds: int = 0
    operations: int = 0
    virtual_s: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    broken: list[Report] = field(default_factory=list)
    before: dict[str, int] = field(default_factory=branches)

    @property
    def branches(self) -> dict[str, int]:
        """How often each branch was reached by these runs."""
        return {name: count - self.before.get(name, 0) for name, count in branches().items()}

    def add(self, report: Report) -> None:
        """Take in one run."""
        self.seeds += 1
        self.operations += report.outcomes.total()
        self.virtual_s += report.seconds
        self.outcomes.update(report.outcomes)
        self.faults.update(report.faults)
        if report.violation:
            self.broken.append(report)

    def as_json(self) -> str:
        """Return all of it as one JSON object."""
        return json.dumps(
            {
                "seeds": self.seeds,
                "operations": self.operations,
                "virtual_s": round(self.virtual_s, 3),
                "violations": [
                    {"seed": one.seed, "violation": one.violation, "trace": one.trace}
                    for one in self.broken
                ],
                "outcomes": dict(sorted(self.outcomes.items())),
                "faults": dict(sorted(self.faults.items())),
                "branches": dict(sorted(self.branches.items())),
            },
            indent=2,
        )


@click.command("simulate")
@click.option("--seeds", default=100, type=click.IntRange(1, SEEDS_MAX), help="How many runs.")
@click.option("--first-seed", default=0, type=click.IntRange(0, SEEDS_MAX), help="Of the first.")
@click.option(
    "--steps",
    default=80,
    type=click.IntRange(1, STEPS_MAX),
    help="Operations of all clients in a run.",
)
@click.option("--trace", is_flag=True, help="Print every event of the runs that broke a promise.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object at the end.")
@click.pass_context
def simulate_command(
    context: click.Context, seeds: int, first_seed: int, steps: int, trace: bool, as_json: bool
) -> None:
    """Run whole clusters on simulated disks and clocks, with faults, and check every promise.

    A seed decides everything: the same seed gives the same run. Exits with 1 when a promise was
    broken, and says by which seeds.
    """
    summary = Summary()
    for seed in range(first_seed, first_seed + seeds):
        report = simulate(seed, steps)
        summary.add(report)
        if report.violation and not as_json:
            if trace:
                click.echo("\n".join(report.events))
            click.echo(f"seed {seed} of {report.shape} broke a promise: {report.violation}")
            click.echo(f"repeat: atoll simulate --first-seed {seed} --seeds 1 --steps {steps}")
    if as_json:
        click.echo(summary.as_json())
    else:
        _print_summary(summary)
    context.exit(EXIT_VIOLATION if summary.broken else 0)


def _print_summary(summary: Summary) -> None:
    click.echo(
        f"{summary.seeds} runs, {summary.operations} operations in {summary.virtual_s:.0f} s of "
        f"virtual time, {summary.faults.total()} faults, {len(summary.broken)} broken promises"
    )
    _print_list("faults that did not happen", _never(summary.faults))
    _print_list("branches that no seed reached", _never(summary.branches))


def _never(counts: dict[str, int]) -> list[str]:
    return sorted(name for name, count in counts.items() if not count)


def _print_list(title: str, names: Iterable[str]) -> None:
    lines = [f"  {name}" for name in names]
    if lines:
        click.echo("\n".join([f"{title}:", *lines]))
