"""Shared listening addresses, and locks whose holder the kernel names."""

import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from atoll.errors import OperatorError
from atoll.supervisor.lock import HeldError, Lock, clear_leftovers, holder, stop_holder
from atoll.supervisor.sockets import ListeningAddress
from atoll.world import real_world

HOLD = """
import pathlib, signal, sys
from atoll.supervisor.lock import Lock
lock = Lock(pathlib.Path(sys.argv[1]))
if len(sys.argv) > 2:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
print("held", flush=True)
signal.pause()
"""


def accepts(sock: socket.socket) -> bool:
    return bool(select.select([sock], [], [], 0)[0])


def test_connections_are_spread_over_all_sockets() -> None:
    address = ListeningAddress("127.0.0.1:0", 64)
    first, second = address.open(), address.open()
    clients = [socket.create_connection(("127.0.0.1", address.port)) for _ in range(64)]
    assert accepts(first)
    assert accepts(second)
    for sock in (first, second, *clients):
        sock.close()
    address.close()


def test_reservation_takes_no_connections_but_keeps_the_port() -> None:
    address = ListeningAddress("127.0.0.1:0", 64)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", address.port))
    address.open().close()
    with pytest.raises(OSError, match="in use"), socket.socket() as stranger:
        stranger.bind(("127.0.0.1", address.port))
    address.close()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]"])
def test_the_real_port_is_known(host: str) -> None:
    if host == "[::1]" and not socket.has_ipv6:
        pytest.skip("no IPv6 here")
    address = ListeningAddress(f"{host}:0", 8)
    assert address.address == f"{host}:{address.port}"
    assert address.port > 0
    address.close()


def test_port_of_another_cloud_is_taken_though_it_would_share() -> None:
    first = ListeningAddress("127.0.0.1:0", 8)
    listening = first.open()
    with pytest.raises(OperatorError, match="Address already in use"):
        ListeningAddress(first.address, 8)
    listening.close()
    first.close()


def test_address_of_another_machine() -> None:
    with pytest.raises(OperatorError, match=r"cannot listen on 192\.0\.2\.1:80: "):
        ListeningAddress("192.0.2.1:80", 8)


@pytest.fixture
def held(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[tuple[Path, int]]:
    """A lock in another process, and that process."""
    path = tmp_path / "x.lock"
    extra = ["stubborn"] if getattr(request, "param", False) else []
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(path), *extra], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        yield path, process.pid
        process.kill()


@pytest.mark.slow
def test_holder_is_named(held: tuple[Path, int]) -> None:
    path, pid = held
    assert holder(path) == pid
    with pytest.raises(HeldError) as caught:
        Lock(path)
    assert caught.value.pid == pid
    os.kill(pid, signal.SIGKILL)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert holder(path) is None
    Lock(path).release()


@pytest.mark.slow
def test_stop_holder(held: tuple[Path, int]) -> None:
    path, _ = held
    assert stop_holder(path, 10.0)
    assert holder(path) is None
    assert not stop_holder(path, 10.0)


@pytest.mark.slow
@pytest.mark.parametrize("held", [True], indirect=True)
def test_stop_holder_gives_up(held: tuple[Path, int]) -> None:
    path, pid = held
    with pytest.raises(OperatorError, match=f"process {pid} is still stopping"):
        stop_holder(path, 0.05)
    assert holder(path) == pid


@pytest.mark.slow
@pytest.mark.parametrize("held", [True], indirect=True)
def test_leftovers_are_killed_when_patience_ends(held: tuple[Path, int]) -> None:
    path, _ = held
    trio.run(clear_leftovers, path.parent, real_world().clock, 0.05)
    assert holder(path) is None


def test_lock_that_nobody_holds(tmp_path: Path) -> None:
    assert holder(tmp_path / "none") is None
    (tmp_path / "stale").write_text("1")
    assert holder(tmp_path / "stale") is None
