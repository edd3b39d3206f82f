"""Damage in the index of a real cloud: an answer is right or refused, and the audit tells."""

import random
import shutil
from collections import Counter
from pathlib import Path

import pytest
from known_answers import answers, fill
from lmdb_pages import Part, regions
from running_cloud import RunningCloud
from swift_client import SwiftClient

pytestmark = pytest.mark.slow

PROVEN = (Part.LEAF_KEY, Part.LEAF_VALUE, Part.OVERFLOW_VALUE, Part.BRANCH_KEY)
TABLES = ("objects", "inline", "rows", "containers", "accounts", "counters", "digests", "facts")
FLIPS = 12
ROUNDS = 4


def flip_some(path: Path, rng: random.Random) -> list[str]:
    """Turn bits over: of each table at least one, as far as they go; return where they are."""
    data = bytearray(path.read_bytes())
    places = []
    for table in rng.sample(TABLES, len(TABLES)) + rng.choices(TABLES, k=FLIPS - len(TABLES)):
        pieces = [one for one in regions(path, table) if one.part in PROVEN]
        if not pieces:
            continue
        part = rng.choice(sorted({one.part for one in pieces}, key=lambda part: part.name))
        piece = rng.choice([one for one in pieces if one.part is part])
        offset = piece.offset + rng.randrange(piece.size)
        data[offset] ^= 1 << rng.randrange(8)
        places.append(f"{table} {part.name} {offset}")
    path.write_bytes(data)
    return places


def test_a_flipped_bit_never_leads_to_a_wrong_answer(cloud: RunningCloud) -> None:
    cloud.start("--workers", "1")
    with SwiftClient(cloud) as client:
        fill(client)
        right = answers(cloud, client)
        assert None not in right.values()
        assert cloud.stop() == 0
        path = cloud.storage.device(0) / "index" / "data.mdb"
        pristine = shutil.copy(path, path.with_name("pristine"))
        kept = Counter()
        for seed in range(ROUNDS):
            shutil.copy(pristine, path)
            places = flip_some(path, random.Random(seed))
            print(places)
            cloud.start("--workers", "1")
            found = answers(cloud, client)
            cloud.stop()
            wrong = {
                name: (a, right[name]) for name, a in found.items() if a not in (None, right[name])
            }
            print(len(wrong), sum(a is None for a in found.values()))
            assert not wrong, places
            kept.update(a is not None for a in found.values())
    assert kept[True] > kept[False]
