"""Damage in the index of a real cloud: an answer is right or refused, and the audit tells."""

import os
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from known_answers import answers, fill
from lmdb_pages import PAGE_SIZE_BYTES, Part, regions
from running_cloud import RunningCloud, wait_for
from stopped_device import stopped_device
from swift_client import Answer, Login, SwiftClient, log_in

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("ATOLL_CLOUD_FLIPS", "5"))
FLIPS = 5
USED_TABLES = (
    "objects", "inline", "rows", "containers", "accounts", "counters", "digests", "due", "facts",
)  # fmt: skip
PROVEN = (Part.LEAF_KEY, Part.LEAF_VALUE, Part.OVERFLOW_VALUE, Part.BRANCH_KEY)
FLAGS = ("--workers", "1")
AUDITING = (*FLAGS, "--set", "storage.audit_interval_s=1")

Right = dict[str, Answer | None]


def index_file(cloud: RunningCloud, device: int = 0) -> Path:
    """Return the data file of a device."""
    return cloud.storage.device(device) / "index" / "data.mdb"


def fill_and_stop(cloud: RunningCloud, *flags: str) -> tuple[Login, bytes]:
    """Make a cloud with known content and reports still owed; return its index at rest."""
    cloud.start(*FLAGS, "--set", "storage.keeper_interval_s=3600", *flags)
    with SwiftClient(cloud) as client:
        fill(client)
    login = log_in(cloud)
    assert cloud.stop() == 0
    return login, index_file(cloud).read_bytes()


def right_answers(cloud: RunningCloud, login: Login) -> Right:
    """Return what the undamaged cloud says; its index is as it was afterwards."""
    pristine = index_file(cloud).read_bytes()
    cloud.start(*FLAGS)
    right = answers(cloud, login)
    assert None not in right.values()
    assert cloud.stop() == 0
    index_file(cloud).write_bytes(pristine)
    return right


def flip_some(
    path: Path, rng: random.Random, tables: Sequence[str] = (*USED_TABLES, "outbox")
) -> list[str]:
    """Turn over bits of tables and parts at random; return where they are."""
    data = bytearray(path.read_bytes())
    places = []
    for table in rng.sample(tables, FLIPS):
        pieces = [piece for piece in regions(path, table) if piece.part in PROVEN]
        part = rng.choice(sorted({piece.part for piece in pieces}, key=lambda part: part.name))
        piece = rng.choice([piece for piece in pieces if piece.part is part])
        offset = piece.offset + rng.randrange(piece.size)
        data[offset] ^= 1 << rng.randrange(8)
        places.append(f"{table} {part.name} {offset}")
    path.write_bytes(data)
    return places


def test_a_flipped_bit_never_leads_to_a_wrong_answer(cloud: RunningCloud) -> None:
    login, pristine = fill_and_stop(cloud)
    right = right_answers(cloud, login)
    kept: Counter[bool] = Counter()
    for seed in range(ROUNDS):
        index_file(cloud).write_bytes(pristine)
        places = flip_some(index_file(cloud), random.Random(seed))
        cloud.start(*FLAGS)
        found = answers(cloud, login)
        assert cloud.stop() == 0
        wrong = [name for name, answer in found.items() if answer not in (None, right[name])]
        assert wrong == [], places
        kept.update(answer is not None for answer in found.values())
        with stopped_device(cloud) as device:
            failures = device.audit().failures
        if not any(Part.BRANCH_KEY.name in place for place in places):
            assert failures == [], places  # the rest of the device is good, and stays in use
        (cloud.storage.device(0) / "failed").unlink(missing_ok=True)
    assert kept[True] > kept[False]


def test_damage_in_one_of_three_is_noticed_by_nobody(cloud: RunningCloud) -> None:
    login, _ = fill_and_stop(cloud, "--devices", "3", "--replicas", "3")
    cloud.start(*FLAGS)
    right = answers(cloud, login)
    assert None not in right.values()
    assert cloud.stop() == 0
    for seed in range(4):
        flip_some(index_file(cloud, device=1), random.Random(seed), USED_TABLES)
    cloud.start(*FLAGS)
    found = answers(cloud, login)
    assert [name for name, answer in found.items() if answer != right[name]] == []


def leaf_pages(path: Path, table: str) -> dict[int, list[bytes]]:
    """Return the keys of a table's leaf pages, by page number."""
    data = path.read_bytes()
    pages: dict[int, list[bytes]] = {}
    for piece in regions(path, table):
        if piece.part is Part.LEAF_KEY:
            key = data[piece.offset : piece.offset + piece.size]
            pages.setdefault(piece.offset // PAGE_SIZE_BYTES, []).append(key)
    return pages


def put_page_back(path: Path, table: str, old: bytes) -> None:
    """Put a leaf page of the past in the place of one that has other entries by now."""
    past = path.with_name("past")
    past.write_bytes(old)
    now, then = leaf_pages(path, table), leaf_pages(past, table)
    place, source = next(
        (place, source)
        for place, keys in now.items()
        for source, old_keys in then.items()
        if set(keys) - set(old_keys) and set(keys) & set(old_keys)
    )
    past.unlink()
    data = bytearray(path.read_bytes())
    start, old_start = place * PAGE_SIZE_BYTES, source * PAGE_SIZE_BYTES
    data[start + 8 : start + PAGE_SIZE_BYTES] = old[old_start + 8 : old_start + PAGE_SIZE_BYTES]
    path.write_bytes(data)


def lose_page(path: Path, table: str) -> None:
    """Let a leaf page be zeros, as a disk does that lost a write."""
    data = bytearray(path.read_bytes())
    at = max(leaf_pages(path, table)) * PAGE_SIZE_BYTES
    data[at : at + PAGE_SIZE_BYTES] = bytes(PAGE_SIZE_BYTES)
    path.write_bytes(data)


class Grown(NamedTuple):
    """A stopped cloud that was filled twice.

    Attributes:
        data: its folder.
        login: of its user.
        past: its index after the first time.
    """

    data: Path
    login: Login
    past: bytes


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Grown]:
    """A cloud to be copied, and what its index was before it grew."""
    cloud = RunningCloud(tmp_path_factory.mktemp("grown") / "data")
    try:
        login, past = fill_and_stop(cloud)
        cloud.start(*FLAGS)
        with SwiftClient(cloud, login) as client:
            for number in range(60):
                container = ("one", f"new {number}")[number % 2]
                client.put(f"/{container}")
                assert client.put(f"/{container}/a new one {number}", b"new").status == 201
        assert cloud.stop() == 0
        yield Grown(cloud.folder.root, login, past)
    finally:
        cloud.end()


@pytest.mark.parametrize("table", ["objects", "rows", "containers", "inline"])
@pytest.mark.parametrize("how", ["stale", "zeroed"])
def test_a_lost_subtree_fails_the_device(
    cloud: RunningCloud, grown: Grown, table: str, how: str
) -> None:
    shutil.copytree(grown.data, cloud.folder.root, ignore=shutil.ignore_patterns("run"))
    if how == "stale":
        put_page_back(index_file(cloud), table, grown.past)
    else:
        lose_page(index_file(cloud), table)
    failed = cloud.storage.device(0) / "failed"
    if cloud.try_to_start(*AUDITING):
        wait_for(failed.exists)
        expect_refusals(cloud, grown, failed.read_text())
        assert cloud.stop() == 0
    else:  # what was lost was needed at once
        assert cloud.wait() == 2
        assert failed.exists()
    done = cloud.atoll("up", "--listen", "127.0.0.1:0", *FLAGS)
    assert done.returncode == 2
    assert "the device was failed" in done.stderr.splitlines()[-1]


def expect_refusals(cloud: RunningCloud, grown: Grown, reason: str) -> None:
    role = wait_for(lambda: (now := cloud.role("disk-0"))["phase"] == "refused" and now)
    assert reason in role["reason"]
    with SwiftClient(cloud, grown.login) as client:
        wait_for(lambda: client.get("/one/a new one 0").status == 503)
        assert client.put("/one/another", b"").status == 503
        assert client.head("/one").status == 503
