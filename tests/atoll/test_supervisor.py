"""Real processes of toy roles: what starts, what is restarted, what stops, what is left over."""

import contextlib
import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from toy_harness import Cloud, wait_for

from atoll.config import SupervisorSettings
from atoll.metrics import exposition
from atoll.roles import RoleInstance
from atoll.supervisor.child import Child
from atoll.supervisor.sockets import ListeningAddress
from atoll.world import real_world

pytestmark = pytest.mark.slow

ANSWERED = 'atoll_toy_requests_total{method="GET",status="200"}'


def test_up_starts_in_order_and_stops_in_reverse(cloud: Cloud) -> None:
    done = cloud.up("--workers", "2")
    assert done.stdout == f"endpoint 127.0.0.1:{cloud.port}\nexample: swift list\n"
    assert done.returncode == 0
    status = cloud.status()
    assert status["is_up"]
    assert [(role["name"], role["phase"]) for role in status["roles"]] == [
        ("disk-0", "running"),
        ("keeper-0", "running"),
        ("worker-0", "running"),
        ("worker-1", "running"),
    ]
    assert cloud.atoll("down").stdout == "stopped\n"
    story = cloud.story()
    assert story[:2] == [("enter", "disk-0"), ("enter", "keeper-0")]
    assert story[-2:] == [("leave", "keeper-0"), ("leave", "disk-0")]
    assert len(story) == 8
    assert not cloud.leftovers()


def test_second_up_prints_the_screen_again(cloud: Cloud) -> None:
    first = cloud.up()
    supervisor = cloud.supervisor()
    again = cloud.up()
    assert (again.returncode, again.stdout) == (0, first.stdout)
    assert cloud.supervisor() == supervisor
    foreground = cloud.atoll("up", "--registry", "toy_cloud")
    assert foreground.returncode == 2
    assert re.fullmatch(r"atoll: a cloud already runs on .*\n", foreground.stderr)


def test_second_start_finds_the_folder_as_it_was(cloud: Cloud) -> None:
    cloud.up()
    (cloud.folder.root / "kept").write_text("kept")
    cloud.atoll("down")
    assert cloud.up().returncode == 0
    assert (cloud.folder.root / "kept").read_text() == "kept"
    assert cloud.folder.root.stat().st_mode & 0o077 == 0


def test_status_shows_what_roles_report(cloud: Cloud) -> None:
    cloud.up()
    wait_for(lambda: cloud.role("disk-0")["status"] == {"objects": 7})
    lines = cloud.atoll("status").stdout.splitlines()
    assert lines[0].startswith("up for ")
    assert re.search(r"disk-0 +running +\d+ .* objects=7", lines[2])


def test_dead_worker_comes_back_with_its_queue(cloud: Cloud) -> None:
    cloud.up()
    before = cloud.say("hello")
    assert cloud.say("die") == ""
    after = cloud.say("hello")  # connects while nobody accepts
    assert after.split()[0] == before.split()[0] == "worker-0"
    assert after != before
    assert cloud.role("worker-0")["deaths"] == 1
    assert '"reason": "ended by SIGKILL"' in cloud.folder.log.read_text()


@pytest.mark.parametrize("name", ["disk-0", "keeper-0"])
def test_killed_role_is_restarted(cloud: Cloud, name: str) -> None:
    cloud.up()
    os.kill(cloud.role(name)["pid"], signal.SIGKILL)
    role = wait_for(lambda: (now := cloud.role(name))["deaths"] and now)
    assert role["deaths"] == 1
    wait_for(lambda: cloud.role(name)["phase"] == "running")
    assert cloud.say("hello").startswith("worker-0")


def test_request_under_way_is_finished(cloud: Cloud) -> None:
    cloud.up()
    with cloud.connect() as connection:
        connection.sendall(b"slow\n")
        wait_for(lambda: ("slow", "worker-0") in cloud.story())
        assert cloud.atoll("down").returncode == 0
        assert connection.recv(1024).startswith(b"worker-0 ")
    with pytest.raises(ConnectionRefusedError):
        cloud.connect()


@pytest.mark.parametrize("round_", range(3))
def test_killed_supervisor_takes_its_roles_along(cloud: Cloud, round_: int) -> None:
    cloud.up("--workers", "2")
    supervisor = cloud.supervisor()
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    if round_ < 2:  # the last time, the next one comes while they are still there
        wait_for(lambda: not cloud.leftovers())
    assert cloud.atoll("status").returncode == 1 or round_ == 2
    done = cloud.up()  # on the same port
    assert done.returncode == 0, done.stderr
    assert cloud.say("hello").startswith("worker-0")
    assert sum(event == "leave" for event, _ in cloud.story()) == 4  # gracefully


def test_leftovers_that_do_not_stop_are_killed(cloud: Cloud) -> None:
    cloud.up("--set", 'toy.roles=["stubborn"]')
    stubborn = cloud.role("stubborn-0")["pid"]
    supervisor = cloud.supervisor()
    assert supervisor is not None
    os.kill(supervisor, signal.SIGKILL)
    done = cloud.up("--set", "server.stop_deadline_s=0.1")
    assert done.returncode == 0, done.stderr
    assert stubborn not in cloud.leftovers()


def test_refusal_is_told_and_not_repeated(cloud: Cloud) -> None:
    done = cloud.up("--set", 'toy.roles=["disk", "refusing"]')
    assert done.returncode == 2
    assert done.stderr == "atoll: refusing refuses to serve: device d0: cluster id is a, not b\n"
    assert done.stdout == ""
    wait_for(lambda: cloud.supervisor() is None)
    assert not cloud.leftovers()


def test_one_refusal_of_several_leaves_the_cloud_up(cloud: Cloud) -> None:
    assert cloud.up("--set", 'toy.roles=["refusing", "refusing"]').returncode == 0
    refused = cloud.role("refusing-0")
    assert (refused["phase"], refused["pid"]) == ("refused", None)
    assert refused["reason"] == "device d0: cluster id is a, not b"
    assert cloud.role("refusing-1")["phase"] == "running"
    assert cloud.say("hello").startswith("worker-0")


def test_crashing_role_backs_off_and_start_gives_up(cloud: Cloud) -> None:
    done = cloud.up("--set", 'toy.roles=["disk", "crashing"]')
    assert done.returncode == 1
    assert done.stderr.startswith("atoll: crashing died 5 times in a row; the log says why (")
    log = cloud.folder.log.read_text()
    assert "crashed on purpose" in log
    delays = [float(delay) for delay in re.findall(r'"restart_in_s": ([\d.]+)', log)]
    assert delays == [0.05, 0.1, 0.2, 0.4, 0.8]
    wait_for(lambda: not cloud.leftovers())


def test_role_that_is_never_ready_is_replaced(cloud: Cloud) -> None:
    done = cloud.up("--set", 'toy.roles=["late"]', "--set", "supervisor.ready_deadline_s=0.8")
    assert done.returncode == 1
    assert "not up after 0.8 s: late-0" in done.stderr


def test_silent_role_is_killed(cloud: Cloud) -> None:
    cloud.up("--set", "supervisor.silence_s_max=2")
    with cloud.connect() as connection:
        connection.sendall(b"freeze\n")
        wait_for(lambda: cloud.role("worker-0")["deaths"] == 1)
    wait_for(lambda: cloud.role("worker-0")["phase"] == "running")
    assert cloud.say("hello").startswith("worker-0")


async def test_killed_process_that_does_not_die_takes_no_connections() -> None:
    address = ListeningAddress("127.0.0.1:0", 8)
    instance = RoleInstance("worker", "worker-0", listen=(address.address,))
    clock = real_world().clock
    child = Child(instance, [address], SupervisorSettings(), clock, lambda: None)
    child._sockets = [address.open()]
    child._process = StuckProcess()  # type: ignore[assignment]
    with child._sockets[0].dup():  # the one that the process has
        child.kill("disk hangs")
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", address.port))
    address.close()


class StuckProcess:
    """A process that the kernel cannot end."""

    pid = 1

    def kill(self) -> None:
        """Change nothing."""


def test_role_that_ignores_stop_is_killed(cloud: Cloud) -> None:
    cloud.up("--set", 'toy.roles=["stubborn"]', "--set", "server.stop_deadline_s=0.1")
    assert cloud.atoll("down").returncode == 0
    assert "it was asked to stop" in cloud.folder.log.read_text()
    assert not cloud.leftovers()


def test_role_that_does_not_hear_stop_is_cancelled(cloud: Cloud) -> None:
    cloud.up("--set", 'toy.roles=["dreamy"]', "--set", "server.stop_deadline_s=0.1")
    assert cloud.atoll("down").returncode == 0
    assert "killing" not in cloud.folder.log.read_text()


def test_foreground_stops_on_ctrl_c(cloud: Cloud) -> None:
    process = cloud.start()
    assert process.stdout is not None
    assert process.stdout.readline().startswith("endpoint 127.0.0.1:")
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 0
    assert "Traceback" not in errors
    assert cloud.story()[-1] == ("leave", "disk-0")


def test_second_ctrl_c_ends_it_at_once(cloud: Cloud) -> None:
    process = cloud.start("--set", 'toy.roles=["stubborn"]')
    assert process.stdout is not None
    process.stdout.readline()
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "stopping" not in process.stderr.readline():
        pass
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=8)  # well below the deadline of 10 s
    assert process.returncode == 0
    assert not cloud.leftovers()


def test_taken_port_changes_nothing(cloud: Cloud) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        cloud.port = taken.getsockname()[1]
        done = cloud.atoll("up", "--listen", f"127.0.0.1:{cloud.port}", "--registry", "toy_cloud")
    assert done.returncode == 2
    assert (
        done.stderr == f"atoll: cannot listen on 127.0.0.1:{cloud.port}: Address already in use\n"
    )
    assert not cloud.folder.root.exists()


@pytest.mark.parametrize(
    ("flags", "line"),
    [
        (["--set", "toy.broken=true"], "toy.broken: broken on purpose"),
        (["--set", "toy.brokn=true"], "--set: toy.brokn: unknown setting; did you mean 'broken'?"),
        (["--workers", "-1"], "--workers: server.workers: must be at least 0, not -1"),
        (["--config", "none.toml"], "none.toml: file: No such file or directory"),
        (["--data", "/proc/no"], "cannot make /proc/no/run: No such file or directory"),
        (["--data", "/tmp/" + "x" * 90], "the data folder's path is "),
    ],
)
def test_bad_input_is_one_line(cloud: Cloud, flags: list[str], line: str) -> None:
    done = cloud.atoll("up", "--registry", "toy_cloud", "--listen", "127.0.0.1:0", *flags)
    assert (done.returncode, done.stdout) == (2, "")
    errors = done.stderr.splitlines()
    assert len(errors) == 1, done.stderr
    assert line in errors[0]


@pytest.mark.root
def test_full_disk_stops_neither_cloud_nor_start(small_disk: Path, cloud: Cloud) -> None:
    cloud.up()
    fill(small_disk)
    wait_for(lambda: cloud.say("hello").startswith("worker-0"))
    os.kill(cloud.role("keeper-0")["pid"], signal.SIGKILL)
    wait_for(lambda: cloud.role("keeper-0")["deaths"] == 1)
    wait_for(lambda: cloud.role("keeper-0")["phase"] == "running")
    assert cloud.atoll("down").returncode == 0
    done = cloud.up()
    assert done.returncode == 0, done.stderr
    assert cloud.say("hello").startswith("worker-0")


def fill(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as filler, contextlib.suppress(OSError):
        while filler.write(bytes(65536)):
            pass


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a few MiB where the cloud of the same test will have its data."""
    folder = tmp_path / "data"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(command, check=False).returncode:
        pytest.skip("may not mount")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)


def test_metrics_survive_a_restart(cloud: Cloud) -> None:
    cloud.up("--set", "metrics.publish_interval_s=0.1")
    cloud.say("hello")
    wait_for(lambda: _metric(cloud, ANSWERED) == 1)
    cloud.say("die")
    cloud.say("hello")
    wait_for(lambda: _metric(cloud, ANSWERED) == 2)
    wait_for(lambda: _metric(cloud, 'atoll_role_deaths_total{name="worker-0"}') == 1)
    wait_for(lambda: _metric(cloud, 'atoll_role_running{name="worker-0"}') == 1)


def _metric(cloud: Cloud, name: str) -> float | None:
    for line in exposition(cloud.folder.metrics).decode().splitlines():
        key, _, value = line.rpartition(" ")
        if key == name:
            return float(value)
    return None
