"""docs/swift.md is true: its table agrees with `/info` and with the tests there are."""

import re
from pathlib import Path
from typing import NamedTuple

from swift_harness import Swift, swift_api

from storage.swift.settings import SwiftSettings

HERE = Path(__file__).parent
PAGE = (HERE.parents[2] / "docs" / "swift.md").read_text(encoding="utf-8")
ALL_SET = SwiftSettings(storage_domains=("example.com",), forbidden_characters="<", read_only=True)
CORE = {"swift", "tempauth"}


class Feature(NamedTuple):
    name: str
    status: str
    tests: list[str]
    notes: str

    @property
    def sections(self) -> set[str]:
        """The sections of /info that tell of it."""
        return set(re.findall(r"`([a-z_]+)`", self.name.partition("(")[2]))


def features() -> list[Feature]:
    table = PAGE.partition("| feature | status |")[2].partition("\n\n")[0]
    rows = [row.strip("| ").split(" | ") for row in table.splitlines()[2:]]
    rows = [[cell.strip(" |") for cell in [*row, "", ""]] for row in rows]
    return [Feature(row[0], row[1], re.findall(r"\w+", row[2]), row[3]) for row in rows]


async def sections(swift: Swift) -> set[str]:
    return set((await swift.anonymous.request("GET", "/info")).json)


async def test_info_names_what_the_table_says_is_there(swift: Swift) -> None:
    told = {status: set[str]() for status in ("yes", "set", "no")}
    for feature in features():
        told[feature.status] |= feature.sections
    assert await sections(swift) == told["yes"] | CORE
    async with swift_api(ALL_SET) as with_all:
        assert await sections(with_all) == told["yes"] | told["set"] | CORE


def test_each_feature_is_held_by_tests_and_each_test_holds_one() -> None:
    named = {test for feature in features() for test in feature.tests}
    there = {path.stem.removeprefix("test_swift_") for path in HERE.glob("test_swift_*.py")}
    assert named == there - {"docs"}
    assert all(feature.tests for feature in features() if feature.status != "no")


def test_the_limits_in_the_page_are_those_in_force() -> None:
    limits = SwiftSettings()
    for value in (
        limits.object_name_bytes_max,
        limits.metadata_bytes_max,
        limits.header_value_bytes_max,
        limits.listing_entries_max,
        limits.bulk_deletes_max,
        limits.bulk_delete_failures_max,
    ):
        assert f"{value:,}" in PAGE
