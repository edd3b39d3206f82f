"""A node's view of itself for an operator's tools: rings, devices, and what the kernel tells."""

from __future__ import annotations

import hashlib
import os
from functools import cached_property
from pathlib import Path
from typing import Final

from atoll import __version__
from atoll.world import World
from ring import Ring
from storage.data_folder import StorageFolder
from storage.device.payload import PayloadFolder
from storage.node import RING_NAMES, read_ring
from storage.path import PathHasher
from storage.swift.operator_view import Endpoint

_NS_PER_S: Final = 1e9
_SWIFT_CONF: Final = "/etc/swift/swift.conf"


class LocalView:
    """What can be told of this node; see `storage.swift.operator_view.NodeView`.

    Args:
        world: clock and disk.
        folder: of the store.
        hasher: of paths.
        proc: where the kernel tells of itself.
    """

    def __init__(
        self,
        world: World,
        folder: StorageFolder,
        hasher: PathHasher,
        proc: Path = Path("/proc"),
    ) -> None:
        self._world = world
        self._folder = folder
        self._hasher = hasher
        self._proc = proc

    @cached_property
    def _rings(self) -> dict[str, Ring]:
        """The rings by name, read when they are first asked for."""
        rings = self._folder.rings
        return {name: read_ring(self._world.disk, rings / f"{name}.ring") for name in RING_NAMES}

    def locate(self, policy: int, *names: str) -> tuple[int, list[Endpoint]]:
        """Return partition and devices of an account, a container or an object, by its names."""
        ring = self._rings[("accounts", "containers", f"objects-{policy}")[len(names) - 1]]
        partition = ring.partition(self._hasher(*names))
        devices = ring.primaries(partition)
        return partition, [Endpoint(one.node, one.port, one.device) for one in devices]

    def recon(self, check: str) -> object | None:
        """Return the document of a check, or nothing for one that there is not."""
        method = {
            "version": self._version,
            "time": self._time,
            "devices": self._devices,
            "diskusage": self._disk_usage,
            "unmounted": self._unmounted,
            "mounted": self._mounted,
            "quarantined": self._quarantined,
            "ringmd5": self._ring_md5,
            "swiftconfmd5": lambda: {_SWIFT_CONF: None},
            "load": self._load,
            "mem": self._memory,
            "sockstat": self._sockets,
        }.get(check)
        return None if method is None else method()

    def _version(self) -> object:
        return {"version": f"atoll {__version__}"}

    def _time(self) -> object:
        return self._world.clock.wall_ns() / _NS_PER_S

    def _names(self) -> list[str]:
        return self._world.disk.entries(self._folder.devices)

    def _devices(self) -> object:
        return {str(self._folder.devices): self._names()}

    def _disk_usage(self) -> object:
        usage = []
        for name in self._names():
            stats = os.statvfs(self._folder.devices / name)
            size, free = stats.f_frsize * stats.f_blocks, stats.f_frsize * stats.f_bavail
            used = stats.f_frsize * (stats.f_blocks - stats.f_bavail)
            usage.append(
                {"device": name, "mounted": True, "size": size, "used": used, "avail": free}
            )
        return usage

    def _unmounted(self) -> object:
        """Name the devices that the rings know and the node does not have."""
        there = set(self._names())
        known = {
            device.device
            for ring in self._rings.values()
            for device in ring.devices
            if device is not None
        }
        return [{"device": name, "mounted": False} for name in sorted(known - there)]

    def _mounted(self) -> object:
        lines = (line.split() for line in self._read("mounts").splitlines())
        return [{"device": fields[0], "path": fields[1]} for fields in lines]

    def _quarantined(self) -> object:
        folders = (PayloadFolder(self._world.disk, self._folder.devices / n) for n in self._names())
        count = sum(len(self._world.disk.entries(folder.quarantine)) for folder in folders)
        return {
            "objects": count,
            "containers": 0,
            "accounts": 0,
            "policies": {"0": {"objects": count}},
        }

    def _ring_md5(self) -> object:
        paths = [self._folder.rings / f"{name}.ring" for name in sorted(self._rings)]
        return {
            str(path): hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
            for path in paths
        }

    def _load(self) -> object:
        one, five, fifteen, tasks, last = self._read("loadavg").split()
        return {
            "1m": float(one),
            "5m": float(five),
            "15m": float(fifteen),
            "tasks": tasks,
            "processes": int(last),
        }

    def _memory(self) -> object:
        pairs = (line.partition(":") for line in self._read("meminfo").splitlines())
        return {name: value.strip() for name, _, value in pairs}

    def _sockets(self) -> object:
        found: dict[str, int] = {}
        for line in self._read("net/sockstat").splitlines():
            fields = line.split()
            if fields[0] == "TCP:":
                counts = dict(zip(fields[1::2], map(int, fields[2::2]), strict=False))
                found["tcp_in_use"], found["orphan"] = counts["inuse"], counts["orphan"]
                found["time_wait"] = counts["tw"]
                found["tcp_mem_allocated_bytes"] = counts["mem"] * os.sysconf("SC_PAGE_SIZE")
        for line in self._read("net/sockstat6").splitlines():
            if line.startswith("TCP6: inuse"):
                found["tcp6_in_use"] = int(line.split()[2])
        return found

    def _read(self, name: str) -> str:
        return (self._proc / name).read_text()
