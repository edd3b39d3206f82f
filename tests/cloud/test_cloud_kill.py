"""Processes killed without warning while clients write: what was acknowledged is there."""

import os
import random
import signal
import time
from collections.abc import Sequence
from contextlib import ExitStack

import pytest
from journal import Version, Writer
from running_cloud import RunningCloud, wait_for
from stopped_device import stopped_device
from swift_client import Broken, SwiftClient, log_in

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("ATOLL_CLOUD_KILLS", "10"))
WRITERS = 6
CONTAINER = "kills"


@pytest.mark.parametrize(("devices", "seed"), [(1, 1), (3, 2)])
def test_acknowledged_writes_survive_kills(cloud: RunningCloud, devices: int, seed: int) -> None:
    random_ = random.Random(seed)
    flags = [
        *("--workers", "2", "--devices", str(devices), "--replicas", str(devices)),
        *("--set", "server.stop_deadline_s=2"),
    ]
    cloud.start(*flags)
    login = log_in(cloud)
    with SwiftClient(cloud, login) as client:
        assert client.put(f"/{CONTAINER}").status == 201
    writers = [Writer(cloud, login, CONTAINER, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    try:
        for target in _targets(random_, devices):
            _wait_for_progress(writers, random_.randrange(30, 120))
            if target == "supervisor":
                cloud.kill_supervisor()
                cloud.start(*flags)
            else:
                cloud.kill(target)
        _wait_for_progress(writers, 50)
    finally:
        for writer in writers:
            writer.stop()
    cloud.wait_until_running()
    living = _observe_everything(cloud, writers)
    cloud.restart(*flags)
    assert _observe_everything(cloud, writers) == living
    _compare_listing_and_counters(cloud, living)
    assert cloud.stop() == 0
    for number in range(devices):
        _audit(cloud, number)


def test_killed_worker_harms_no_client_of_another(cloud: RunningCloud) -> None:
    cloud.start("--workers", "2")
    half = bytes(range(256)) * 400
    with ExitStack() as opened:
        clients = [opened.enter_context(SwiftClient(cloud)) for _ in range(16)]
        assert clients[0].put(f"/{CONTAINER}").status == 201
        pids = {name: cloud.pid(name) for name in ("worker-0", "worker-1")}
        served_by: dict[str, list[SwiftClient]] = {"worker-0": [], "worker-1": []}
        for number, client in enumerate(clients):
            client.begin("PUT", f"/{CONTAINER}/{number}", {"Content-Length": str(2 * len(half))})
            client.send(half)
            served_by[cloud.server_of(client.local_port, pids)].append(client)
        assert all(served_by.values()), "the kernel spreads connections over both"
        os.kill(pids["worker-0"], signal.SIGKILL)
        for client in served_by["worker-0"]:
            with pytest.raises(Broken):
                client.end()
        for client in served_by["worker-1"]:
            client.send(half)
            assert client.end().status == 201
        listed = clients[0].listing(f"/{CONTAINER}")
    assert [row["bytes"] for row in listed] == [2 * len(half)] * len(served_by["worker-1"])
    assert len(cloud.payload_files()) == len(listed)


def test_killed_supervisor_takes_its_roles_along_under_load(cloud: RunningCloud) -> None:
    cloud.start("--workers", "2")
    login = log_in(cloud)
    with SwiftClient(cloud, login) as client:
        assert client.put(f"/{CONTAINER}").status == 201
    writers = [Writer(cloud, login, CONTAINER, number) for number in range(WRITERS)]
    for writer in writers:
        writer.start()
    _wait_for_progress(writers, 50)
    began_s = time.monotonic()
    cloud.kill_supervisor()
    wait_for(lambda: not cloud.role_pids())
    ended_s = time.monotonic()
    for writer in writers:
        writer.stop()
    assert ended_s - began_s < 5, "well below the deadline of 10 s: nobody waited for the dead"
    assert [writer.journal.violations for writer in writers] == [[]] * WRITERS


def _targets(random_: random.Random, devices: int) -> list[str]:
    roles = ["worker-0", "worker-1", "keeper", "supervisor"]
    targets = [f"disk-{number}" for number in range(devices)] + roles
    targets += random_.choices(targets, k=max(0, ROUNDS - len(targets)))
    random_.shuffle(targets)
    return targets


def _wait_for_progress(writers: Sequence[Writer], count: int) -> None:
    goal = sum(writer.journal.acknowledged for writer in writers) + count
    wait_for(lambda: sum(writer.journal.acknowledged for writer in writers) >= goal)


def _observe_everything(cloud: RunningCloud, writers: Sequence[Writer]) -> set[Version]:
    """Read every name; return what is there once nothing is left to doubt."""
    with SwiftClient(cloud) as client:
        for writer in writers:
            for name in writer.journal.possible:
                writer.journal.observe(name, client.get(f"/{CONTAINER}/{name}"))
    assert [one for writer in writers for one in writer.journal.violations] == []
    return {version for writer in writers for version in writer.journal.living()}


def _compare_listing_and_counters(cloud: RunningCloud, living: set[Version]) -> None:
    with SwiftClient(cloud) as client:
        listed = {row["name"]: row["bytes"] for row in client.listing(f"/{CONTAINER}")}
        assert listed == {version.name: version.size_bytes for version in living}
        total = sum(version.size_bytes for version in living)
        container = client.head(f"/{CONTAINER}").headers
        assert int(container["x-container-object-count"]) == len(living)
        assert int(container["x-container-bytes-used"]) == total
        account = client.head("").headers
        assert int(account["x-account-object-count"]) == len(living)
        assert int(account["x-account-bytes-used"]) == total


def _audit(cloud: RunningCloud, number: int) -> None:
    """Compare counters with a full scan, and payload files with records, both ways."""
    with stopped_device(cloud, number) as device:
        report = device.audit()
        assert (report.failures, report.entries_damaged, report.unproven) == ([], 0, 0)
        assert report.payloads_damaged == 0
        files, named = cloud.payload_files(number), device.named_files()
        assert named <= files
        assert device.settle_leftovers() == len(files - named)
        assert cloud.payload_files(number) == named
