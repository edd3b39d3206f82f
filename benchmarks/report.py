"""Rows of results: how a measurement is judged, shown and handed on."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypedDict, TypeVar

Measured = TypeVar("Measured")
HEADINGS = ("", "measured", "reference", "ratio", "target", "")


class Row(TypedDict):
    """One line of the result.

    Attributes:
        name: what was measured, its unit, and against what.
        value: ours.
        reference: measured in the same run, in the same unit.
        ratio: of the two; where both took turns, the median of the ratios of all turns.
        target: in words.
        ok: whether it was met, if there is one.
    """

    name: str
    value: float
    reference: float | None
    ratio: float | None
    target: str
    ok: bool | None


class Turn(NamedTuple, Generic[Measured]):
    """One of our measurements, and those of the reference before and after it."""

    before: Measured
    ours: Measured
    after: Measured


@dataclass(frozen=True)
class Comparison:
    """Ours and a reference that took turns; medians."""

    value: float
    reference: float
    ratio: float


def take_turns(
    rounds: int, ours: Callable[[], Measured], reference: Callable[[], Measured]
) -> list[Turn[Measured]]:
    """Measure a reference before, between and after, since the machine's own speed wanders."""
    turns = []
    before = reference()
    for _ in range(rounds):
        turns.append(Turn(before, ours(), after := reference()))
        before = after
    return turns


def comparison(
    turns: Sequence[Turn[Measured]], quantity: Callable[[Measured], float]
) -> Comparison:
    """Compare a quantity; each of ours is related to the mean of its two neighbours."""
    values = [quantity(turn.ours) for turn in turns]
    references = [(quantity(turn.before) + quantity(turn.after)) / 2 for turn in turns]
    ratios = [value / reference for value, reference in zip(values, references, strict=True)]
    return Comparison(*map(statistics.median, (values, references, ratios)))


def compare(rounds: int, ours: Callable[[], float], reference: Callable[[], float]) -> Comparison:
    """Take turns and compare."""
    return comparison(take_turns(rounds, ours, reference), float)


def row(
    name: str,
    value: float,
    reference: float | None = None,
    *,
    ratio: float | None = None,
    target: str = "",
    ok: bool | None = None,
) -> Row:
    """Return a row that was judged elsewhere; by default the ratio is that of the two values."""
    if ratio is None and reference:
        ratio = value / reference
    return Row(
        name=name,
        value=_rounded(value),
        reference=None if reference is None else _rounded(reference),
        ratio=None if ratio is None else _rounded(ratio),
        target=target,
        ok=ok,
    )


def ratio_row(
    name: str,
    compared: Comparison,
    *,
    at_least: float | None = None,
    at_most: float | None = None,
) -> Row:
    """Return the row of a comparison; its ratio is judged."""
    target, ok = _judge("ratio ", compared.ratio, at_least, at_most)
    return row(name, compared.value, compared.reference, ratio=compared.ratio, target=target, ok=ok)


def value_row(
    name: str, value: float, *, at_least: float | None = None, at_most: float | None = None
) -> Row:
    """Return the row of a measurement that stands alone."""
    target, ok = _judge("", value, at_least, at_most)
    return row(name, value, target=target, ok=ok)


def _judge(
    what: str, value: float, at_least: float | None, at_most: float | None
) -> tuple[str, bool | None]:
    if at_least is not None:
        return f"{what}>= {at_least:g}", value >= at_least
    if at_most is not None:
        return f"{what}<= {at_most:g}", value <= at_most
    return "", None


def _rounded(value: float) -> float:
    """Return a number to four digits: no measurement here is better than that."""
    return float(f"{value:.4g}")


def lines(rows: Iterable[Row]) -> list[str]:
    """Return a table."""
    table = [HEADINGS, *map(cells, rows)]
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    return [_line(line, widths) for line in table]


def _line(fields: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers, target, verdict = fields
    padded = [number.rjust(width) for number, width in zip(numbers, widths[1:], strict=False)]
    return "  ".join([name.ljust(widths[0]), *padded, target.ljust(widths[-2]), verdict]).rstrip()


def cells(row: Row) -> tuple[str, ...]:
    """Return what a table shows of a row, in the order of the headings."""
    numbers = (_number(row["value"]), _number(row["reference"]), _number(row["ratio"]))
    verdict = {True: "ok", False: "MISSED", None: ""}[row["ok"]]
    return (row["name"], *numbers, row["target"], verdict)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
