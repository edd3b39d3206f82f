"""Devices that cannot be used: one of three is missed by nobody, the only one is not replaced."""

import json
import random
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from running_cloud import RunningCloud, wait_for
from swift_client import SwiftClient

pytestmark = pytest.mark.slow

LARGE = random.Random(1).randbytes(400_000)
OTHER_CLUSTER = "0" * 32


@contextmanager
def broken(device: Path, how: str) -> Iterator[str]:
    """Break a device of a stopped cloud, yield what is said of it, and mend it."""
    away = device.with_name("away")
    shutil.copytree(device, away)
    description = json.loads((device / "device.json").read_text())
    match how:
        case "failed":
            (device / "failed").write_text("as a test wants it")
            yield "the device was failed: as a test wants it"
        case "foreign":
            changed = json.dumps({**description, "cluster_id": OTHER_CLUSTER})
            (device / "device.json").write_text(changed)
            own = description["cluster_id"]
            yield f"its cluster id is {OTHER_CLUSTER}, it should be {own}"
        case "not mounted":
            shutil.rmtree(device)
            device.mkdir()
            yield "there is no device"
        case "without index":
            (device / "index" / "data.mdb").unlink()
            yield "the index is lost"
        case "with a foreign index":
            (device / "index" / "data.mdb").write_bytes(bytes(16384))
            yield "MDB_INVALID"
        case "with a torn description":
            (device / "device.json").write_text("{")
            yield "device.json: damaged"
    shutil.rmtree(device)
    away.rename(device)


WAYS = (
    "failed",
    "foreign",
    "not mounted",
    "without index",
    "with a foreign index",
    "with a torn description",
)


def test_one_device_of_three_may_be_unusable(cloud: RunningCloud) -> None:
    cloud.start("--workers", "1", "--devices", "3", "--replicas", "3")
    written: dict[str, bytes] = {}
    with SwiftClient(cloud) as client:
        _write_and_check(client, "all", written)
        assert cloud.stop() == 0
        for way in WAYS:
            with broken(cloud.storage.device(1), way) as reason:
                cloud.start("--workers", "1")
                assert cloud.role("disk-1")["phase"] == "refused"
                assert reason in cloud.role("disk-1")["reason"]
                _write_and_check(client, way, written)
                assert cloud.stop() == 0
        cloud.start("--workers", "1")
        _write_and_check(client, "all again", written)


def _write_and_check(client: SwiftClient, container: str, written: dict[str, bytes]) -> None:
    """Store, replace and delete; then read all that was ever stored."""
    assert client.put(f"/{container}").status == 201
    for name, body in (("small", b"s"), ("large", LARGE), ("gone", b"g")):
        assert client.put(f"/{container}/{name}", body).status == 201
        written[f"/{container}/{name}"] = body
    assert client.put(f"/{container}/small", container.encode()).status == 201
    written[f"/{container}/small"] = container.encode()
    assert client.delete(f"/{container}/gone").status == 204
    del written[f"/{container}/gone"]
    for path, body in written.items():
        answer = client.get(path)
        assert (answer.status, answer.body == body) == (200, True), path
    assert client.get(f"/{container}/gone").status == 404
    rows = {row["name"]: row["bytes"] for row in client.listing(f"/{container}")}
    assert rows == {"small": len(container), "large": len(LARGE)}
    account = client.head("").headers
    assert int(account["x-account-object-count"]) == len(written)
    assert int(account["x-account-bytes-used"]) == sum(map(len, written.values()))


def test_the_only_device_is_missed_and_not_replaced(cloud: RunningCloud) -> None:
    cloud.start("--workers", "1")
    with SwiftClient(cloud) as client:
        client.put("/c")
        assert client.put("/c/o", b"here").status == 201
        assert cloud.stop() == 0
        for way in WAYS:
            with broken(cloud.storage.device(0), way) as reason:
                done = cloud.atoll("up", "--listen", "127.0.0.1:0", "--workers", "1")
                assert done.returncode == 2, done.stderr
                assert done.stderr.splitlines()[-1].startswith("atoll: disk refuses to serve: ")
                assert reason in done.stderr.splitlines()[-1]
        cloud.start("--workers", "1")
        assert client.get("/c/o").body == b"here"


def test_device_that_is_failed_while_it_serves(cloud: RunningCloud) -> None:
    cloud.start("--workers", "1", "--devices", "3", "--replicas", "3")
    with SwiftClient(cloud) as client:
        written: dict[str, bytes] = {}
        _write_and_check(client, "before", written)
        (cloud.storage.device(2) / "failed").write_text("as a test wants it")
        role = wait_for(lambda: (now := cloud.role("disk-2"))["phase"] == "refused" and now)
        assert "as a test wants it" in role["reason"]
        _write_and_check(client, "after", written)


def test_device_that_takes_no_files(cloud: RunningCloud) -> None:
    cloud.expected_errors += ("atoll.world.interface.DiskError",)
    cloud.start("--workers", "1", "--devices", "3", "--replicas", "3")
    with SwiftClient(cloud) as client:
        written: dict[str, bytes] = {}
        shutil.rmtree(cloud.storage.device(0) / "payload")
        _write_and_check(client, "one", written)
        shutil.rmtree(cloud.storage.device(1) / "payload")
        assert client.put("/one/large", LARGE[::-1]).status == 503
        assert client.get("/one/large").body == LARGE
