"""What an operator's tools are told: where things lie, and how a node is."""

from pathlib import Path

import pytest
from memory_store import build_ring
from swift_harness import Answer, Client, Swift

from atoll.world import real_world
from storage.data_folder import StorageFolder
from storage.path import PathHasher
from storage.swift.local_view import LocalView
from storage.swift.operator_view import Endpoint, OperatorView
from storage.swift.settings import SwiftSettings


class SmallView:
    """A node of one device."""

    def locate(self, policy: int, *names: str) -> tuple[int, list[Endpoint]]:
        return len(names), [Endpoint("10.0.0.1", 6200, "d0")]

    def recon(self, check: str) -> object | None:
        return {"1m": 0.5} if check == "load" else None


@pytest.fixture
def operated(swift: Swift) -> Client:
    """A client on the operator's machine."""
    swift.app._operator = OperatorView(swift.memory.store, SmallView(), SwiftSettings())
    return swift.anonymous


async def get(client: Client, path: str) -> Answer:
    return await client.request("GET", path)


@pytest.mark.parametrize(
    ("path", "partition"),
    [("AUTH_a", 1), ("AUTH_a/c", 2), ("AUTH_a/c/o%20x/y", 3), ("v1/AUTH_a/c", 2)],
)
async def test_where_things_lie(operated: Client, path: str, partition: int) -> None:
    answer = await get(operated, f"/endpoints/{path}")
    name = path.removeprefix("v1/")
    assert answer.json == [f"http://10.0.0.1:6200/d0/{partition}/{name}"]
    assert answer["content-type"] == "application/json"


async def test_the_second_version_tells_the_policy(operated: Client) -> None:
    answer = await get(operated, "/endpoints/v2/AUTH_a/c/o")
    assert answer.json == {
        "endpoints": ["http://10.0.0.1:6200/d0/3/AUTH_a/c/o"],
        "headers": {"X-Backend-Storage-Policy-Index": "0"},
    }
    assert (await get(operated, "/endpoints/v2.0/AUTH_a")).json["headers"] == {}


async def test_what_is_no_endpoint(operated: Client) -> None:
    assert (await get(operated, "/endpoints/v3/a")).body == b"Unsupported version 'v3'"
    assert (await get(operated, "/endpoints/v_3/a")).status == 200
    assert (await get(operated, "/endpoints/")).body == b"No account specified"
    assert (await operated.request("PUT", "/endpoints/a")).status == 405


async def test_checks(operated: Client) -> None:
    assert (await get(operated, "/recon/load")).json == {"1m": 0.5}
    assert (await get(operated, "/recon/replication/account")).json == {
        "replication_time": None,
        "replication_stats": None,
        "replication_last": None,
    }
    answer = await get(operated, "/recon/what")
    assert (answer.status, answer.body) == (404, b"Invalid path: /recon/what")


async def test_strangers_are_not_told(swift: Swift, operated: Client) -> None:
    def serves(client: tuple[str, int] | None) -> bool:
        scope = {"raw_path": b"/recon/load", "headers": [], "client": client}
        return swift.app.claims(scope)

    assert serves(("127.0.0.1", 1))
    assert serves(("::1", 1))
    for stranger in (("10.1.2.3", 1), ("not an address", 1), None):
        assert not serves(stranger)


PROC = {
    "loadavg": "0.10 0.20 0.30 1/200 4321\n",
    "meminfo": "MemTotal:       100 kB\nMemFree:   50 kB\n",
    "mounts": "/dev/sda / ext4 rw 0 0\n",
    "net/sockstat": "sockets: used 9\nTCP: inuse 5 orphan 1 tw 2 alloc 7 mem 3\n",
    "net/sockstat6": "TCP6: inuse 4\n",
}


@pytest.fixture
def view(tmp_path: Path) -> LocalView:
    """The view of a node with one device of the ring's two."""
    folder = StorageFolder(tmp_path)
    quarantine = folder.device(0) / "quarantine"
    quarantine.mkdir(parents=True)
    (quarantine / "bad").touch()
    for name, text in PROC.items():
        (tmp_path / "proc" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "proc" / name).write_text(text)
    view = LocalView(real_world(), folder, PathHasher(bytes(32)), tmp_path / "proc")
    ring = build_ring(2, 2)
    folder.rings.mkdir()
    view._rings = {"accounts": ring, "containers": ring, "objects-0": ring}
    for name in view._rings:
        (folder.rings / f"{name}.ring").write_bytes(b"ring")
    return view


def test_a_node_tells_where_things_lie(view: LocalView) -> None:
    partition, endpoints = view.locate(0, "AUTH_a", "c", "o")
    assert 0 <= partition < 16
    assert sorted(endpoints) == [Endpoint("127.0.0.1", 6200, name) for name in ("d0", "d1")]


def test_a_node_tells_how_it_is(view: LocalView, tmp_path: Path) -> None:
    assert view.recon("load") == {
        "1m": 0.1,
        "5m": 0.2,
        "15m": 0.3,
        "tasks": "1/200",
        "processes": 4321,
    }
    assert view.recon("mem") == {"MemTotal": "100 kB", "MemFree": "50 kB"}
    assert view.recon("mounted") == [{"device": "/dev/sda", "path": "/"}]
    sockets = view.recon("sockstat")
    assert isinstance(sockets, dict)
    assert (sockets["tcp_in_use"], sockets["orphan"], sockets["time_wait"]) == (5, 1, 2)
    assert sockets["tcp6_in_use"] == 4
    assert view.recon("devices") == {str(tmp_path / "devices"): ["d0"]}
    assert view.recon("unmounted") == [{"device": "d1", "mounted": False}]
    usage = view.recon("diskusage")
    assert isinstance(usage, list)
    assert usage[0]["size"] >= usage[0]["used"] > 0
    quarantined = view.recon("quarantined")
    assert isinstance(quarantined, dict)
    assert quarantined["objects"] == 1
    sums = view.recon("ringmd5")
    assert isinstance(sums, dict)
    assert len(sums) == 3
    assert view.recon("nothing") is None
