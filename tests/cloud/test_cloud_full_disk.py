"""Full disks: 507 to the client, nothing broken, deletions go on, all is well with room again."""

import os
import random
import subprocess
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from running_cloud import RunningCloud
from stopped_device import stopped_device
from swift_client import SwiftClient

pytestmark = pytest.mark.slow

MIB = 2**20
DISK_SIZE_BYTES = 48 * MIB
RESERVE = ("--set", f"device.reserve_size_bytes={4 * MIB}")
FLAGS = ("--workers", "1", *RESERVE)
FULL, STORED = 507, 201
PUTS_MAX = 2000


def mount_tmpfs(folder: Path, _: Path) -> list[str]:
    """Return how to mount a small file system in memory."""
    return ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE_BYTES}", "tmpfs", str(folder)]


def mount_ext4(folder: Path, image: Path) -> list[str]:
    """Return how to mount a small ext4."""
    with image.open("wb") as file:
        file.truncate(DISK_SIZE_BYTES)
    subprocess.run(["mkfs.ext4", "-q", "-m", "0", str(image)], check=True)
    return ["mount", "-o", "loop", str(image), str(folder)]


@pytest.fixture(params=[mount_tmpfs, mount_ext4], ids=["tmpfs", "ext4"])
def small_disk(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    """A file system of a few MiB where the cloud of the same test will have its data."""
    if os.geteuid():
        pytest.skip("may not mount")
    folder = tmp_path / "data"
    folder.mkdir()
    command = request.param(folder, tmp_path / "image")
    if subprocess.run(command, check=False).returncode:
        pytest.skip("cannot mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def put_until_full(client: SwiftClient, stem: str, size_bytes: int) -> dict[str, bytes]:
    """Store objects until there is no room; return what was stored."""
    stored: dict[str, bytes] = {}
    for number in range(PUTS_MAX):
        path = f"/c/{stem}{number}"
        body = random.Random(path).randbytes(size_bytes)
        answer = client.put(path, body)
        if answer.status == FULL:
            return stored
        assert answer.status == STORED
        stored[path] = body
    raise AssertionError("the disk does not fill")


def check(client: SwiftClient, stored: dict[str, bytes]) -> None:
    """See that exactly what was stored is there, and counted."""
    for path, body in stored.items():
        answer = client.get(path)
        assert (answer.status, answer.body == body) == (200, True), path
    assert {f"/c/{row['name']}" for row in client.listing("/c")} == stored.keys()
    total = str(sum(map(len, stored.values())))
    container, account = client.head("/c").headers, client.head("").headers
    assert container["x-container-object-count"] == str(len(stored))
    assert container["x-container-bytes-used"] == total
    assert account["x-account-object-count"] == str(len(stored))
    assert account["x-account-bytes-used"] == total


def check_at_rest(cloud: RunningCloud) -> None:
    """See that a stopped cloud's device is sound and holds no file in vain."""
    with stopped_device(cloud) as device:
        report = device.audit()
        assert (report.failures, report.entries_damaged, report.payloads_damaged) == ([], 0, 0)
        assert cloud.payload_files() == device.named_files()


@pytest.mark.root
def test_clients_fill_the_disk(small_disk: Path, cloud: RunningCloud) -> None:
    cloud.start(*FLAGS)
    with SwiftClient(cloud) as client:
        client.put("/c", X_Container_Meta_Colour="red")
        stored = put_until_full(client, "large", MIB)
        stored |= put_until_full(client, "medium", 100_000)
        stored |= put_until_full(client, "small", 10_000)
        assert len(stored) > 20
        check(client, stored)
        assert client.post("/c/large0", X_Object_Meta_Colour="red").status == FULL
        assert client.put("/another").status == FULL
        cloud.restart(*FLAGS)
        check(client, stored)
        for path in list(stored)[::2]:
            assert client.delete(path).status == 204
            del stored[path]
        check(client, stored)
        for number in range(3):
            body = random.Random(number).randbytes(MIB)
            assert client.put(f"/c/again{number}", body).status == STORED
            stored[f"/c/again{number}"] = body
        check(client, stored)
    assert cloud.stop() == 0
    check_at_rest(cloud)


@pytest.mark.root
def test_others_fill_the_disk_to_the_last_byte(small_disk: Path, cloud: RunningCloud) -> None:
    cloud.start(*FLAGS)
    cloud.expected_errors += ("OSError",)  # a worker that starts has no room for metrics
    filler = small_disk / "filler"
    with SwiftClient(cloud) as client:
        client.put("/c")
        stored: dict[str, bytes] = {}
        for number in range(40):
            path, body = (
                f"/c/{number}",
                random.Random(number).randbytes(1000 + 20_000 * (number % 3)),
            )
            assert client.put(path, body).status == STORED
            stored[path] = body
        fill_up(filler)
        for size_bytes in (10, 100_000):
            assert client.put("/c/new", bytes(size_bytes)).status == FULL
        check(client, stored)
        for path in list(stored)[:20]:
            assert client.delete(path).status == 204
            del stored[path]
        check(client, stored)
        fill_up(small_disk / "more filler")
        assert client.put("/c/new", b"").status == FULL
        cloud.restart(*FLAGS)
        assert client.put("/c/new", b"").status == FULL
        check(client, stored)
        filler.unlink()  # and with it most of what there is
        assert client.put("/c/new", b"new").status == STORED
        stored["/c/new"] = b"new"
        check(client, stored)
    assert cloud.stop() == 0
    check_at_rest(cloud)


def fill_up(filler: Path) -> None:
    """Take all the room there is."""
    with filler.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(4096)):
            pass


def test_a_full_index_takes_deletions(cloud: RunningCloud) -> None:
    cloud.start("--workers", "1", "--set", f"device.map_size_bytes={16 * MIB}")
    with SwiftClient(cloud) as client:
        client.put("/c")
        stored = put_until_full(client, "inline", 16_000)
        stored |= put_until_full(client, "small", 10)
        assert len(stored) > 300
        check(client, stored)
        for path in list(stored):
            assert client.delete(path).status == 204, path
        check(client, {})
        stored = put_until_full(client, "again", 16_000)
        assert len(stored) > 300
        check(client, stored)
    assert cloud.stop() == 0
    check_at_rest(cloud)
