"""The folder of a device: what it says of itself, and whether it may be used.

`device.json` names the cluster and the device, so that a disk in the wrong place is refused and
never written. `failed` beside it says why a device must not be used any more.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from atoll.errors import RefusedError
from atoll.world import Disk, World
from storage.device.index import IndexFailedError
from storage.device.lmdb_index import LmdbIndex
from storage.device.payload import PayloadFolder

FORMAT_VERSION = 1
_DESCRIPTION = "device.json"
_FAILED = "failed"
_INDEX = "index"
_REASON_BYTES_MAX = 4096


@dataclass(frozen=True, slots=True)
class DeviceDescription:
    """What a device says of itself.

    Attributes:
        cluster_id: of the cluster that it belongs to.
        device_id: 32 hex digits; an emptied device comes back under a new one.
        number: its id in the rings.
        map_size_bytes: of the index, for good.
        has_index: false until the index was made; an index that is missing later is lost.
        format_version: of the folder.
    """

    cluster_id: str
    device_id: str
    number: int
    map_size_bytes: int
    has_index: bool = False
    format_version: int = FORMAT_VERSION


class DeviceFolder:
    """The folder of one device.

    Args:
        disk: where it lies.
        root: its path.
    """

    def __init__(self, disk: Disk, root: Path) -> None:
        self._disk = disk
        self.root = root
        self.payloads = PayloadFolder(disk, root)

    def format(self, world: World, cluster_id: str, number: int, map_size_bytes: int) -> None:
        """Make an empty device. The description comes last: without it there is no device."""
        self.payloads.format()
        self._disk.make_folder(self.root / _INDEX)
        device_id = world.random.randbytes(16).hex()
        self._describe(DeviceDescription(cluster_id, device_id, number, map_size_bytes))

    def _describe(self, description: DeviceDescription) -> None:
        text = json.dumps(asdict(description), indent=2) + "\n"
        self._disk.replace(self.root / _DESCRIPTION, text.encode())

    def read(self) -> DeviceDescription | None:
        """Return the description, or nothing where there is no device.

        Raises:
            RefusedError: it is damaged, or of a version that this program does not know.
        """
        text = self._read_file(_DESCRIPTION)
        if text is None:
            return None
        try:
            description = DeviceDescription(**json.loads(text))
        except (ValueError, TypeError) as error:
            raise RefusedError(f"{self.root / _DESCRIPTION}: damaged: {error}") from error
        if description.format_version != FORMAT_VERSION:
            raise RefusedError(
                f"{self.root / _DESCRIPTION}: format version {description.format_version}, "
                f"this program knows {FORMAT_VERSION}"
            )
        return description

    def check(self, cluster_id: str, number: int) -> DeviceDescription:
        """Return the description of a device that may be used here.

        Raises:
            RefusedError: it is missing, failed, of another cluster, or another device.
        """
        description = self.read()
        if description is None:
            raise RefusedError(f"{self.root}: there is no device")
        for what, found, wanted in (
            ("cluster id", description.cluster_id, cluster_id),
            ("device number", description.number, number),
        ):
            if found != wanted:
                raise RefusedError(f"{self.root}: its {what} is {found}, it should be {wanted}")
        reason = self.failure()
        if reason is not None:
            raise RefusedError(f"{self.root}: the device was failed: {reason}")
        return description

    def open_index(self, description: DeviceDescription, *, writable: bool = False) -> LmdbIndex:
        """Open the index; the writer makes it when the device is new.

        Raises:
            RefusedError: it is lost.
            IndexFailedError: it cannot be opened.
        """
        path = self.root / _INDEX
        is_there = "data.mdb" in self._disk.entries(path)
        if description.has_index and not is_there:
            raise RefusedError(f"{path}: the index is lost")
        if not description.has_index and not writable:
            raise IndexFailedError(f"{path}: the index is not made yet")
        index = LmdbIndex(
            path,
            map_size_bytes=description.map_size_bytes,
            writable=writable,
            create=not description.has_index,
        )
        if not description.has_index:
            self._describe(replace(description, has_index=True))
        return index

    def fail(self, reason: str) -> None:
        """Take the device out of use, for good."""
        self._disk.replace(self.root / _FAILED, reason.encode()[:_REASON_BYTES_MAX])

    def failure(self) -> str | None:
        """Return why the device was failed, or nothing when it was not."""
        text = self._read_file(_FAILED)
        return None if text is None else text.decode(errors="replace")

    def _read_file(self, name: str) -> bytes | None:
        try:
            file = self._disk.open(self.root / name)
        except FileNotFoundError:
            return None
        try:
            buffer = bytearray(file.size())
            file.read_into(buffer, 0)
            return bytes(buffer)
        finally:
            file.close()
