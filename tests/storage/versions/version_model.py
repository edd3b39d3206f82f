"""AWS's semantics of versions as a plain list, and a store that is compared with it."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from memory_store import BytesBody, MemoryStore

from storage.container.listing import Query
from storage.container.record import ContainerRecord
from storage.container.row import Counters, decode_counters, scan_rows
from storage.container.versions import VersionQuery, versions_id
from storage.device.index import Snapshot, walk
from storage.device.transaction import read_digest
from storage.object.record import (
    NULL_VERSION,
    PREFIX_SIZE_BYTES,
    ObjectRecord,
    State,
    digest_key,
    record_digest,
    root_key,
)
from storage.object.versions import decode_entry, find_fault
from storage.proxy.engine import Attributes, Versioning
from storage.proxy.errors import ObjectMissingError, VersionMissingError
from storage.seal import unpack_body


@dataclass
class Version:
    """A version as AWS would keep it; a delete marker has no payload."""

    id: bytes
    payload: bytes | None
    note: str = ""


@dataclass
class ModelName:
    """The versions of one name, oldest first. After "How S3 Versioning works", S3 User Guide."""

    versions: list[Version] = field(default_factory=list)

    @property
    def current(self) -> Version | None:
        return self.versions[-1] if self.versions else None

    def drop(self, version: bytes) -> None:
        self.versions = [one for one in self.versions if one.id != version]

    def add(self, version: Version) -> None:
        self.drop(version.id)
        self.versions.append(version)


class Compared:
    """A store and its model, asked the same."""

    def __init__(self, env: MemoryStore, container: ContainerRecord) -> None:
        self.env = env
        self.store = env.store
        self.container = container
        self.names: dict[str, ModelName] = {}

    def model(self, name: str) -> ModelName:
        return self.names.setdefault(name, ModelName())

    async def put(self, name: str, payload: bytes, versioned: Versioning) -> ObjectRecord:
        plain = Attributes("text/plain", {}, {})
        record = await self.store.put_object(
            self.container, name, plain, BytesBody(payload), versioned=versioned
        )
        assert record.is_null is (versioned is not Versioning.ENABLED)
        self.model(name).add(Version(record.version_id, payload))
        return record

    async def delete(self, name: str, versioned: Versioning) -> None:
        model = self.model(name)
        if versioned is Versioning.OFF:
            nulls = [one for one in model.versions if one.id == NULL_VERSION]
            is_there = (
                bool(nulls)
                and model.current is not None
                and model.current.payload is not None
                and nulls[0].payload is not None
            )
            try:
                await self.store.delete_object(self.container, name)
            except ObjectMissingError:
                assert not is_there
                return
            assert is_there
            model.drop(NULL_VERSION)
            return
        deletion = await self.store.delete_object(self.container, name, versioned=versioned)
        assert deletion.marker is not None
        found = None if model.current is None else model.current.payload
        assert (deletion.removed is not None) is (found is not None)
        model.add(Version(deletion.marker.version_id, None))

    async def delete_version(self, name: str, version: bytes) -> None:
        is_there = any(one.id == version for one in self.model(name).versions)
        try:
            removed = await self.store.delete_version(self.container, name, version)
        except VersionMissingError:
            assert not is_there
            return
        assert is_there
        assert removed.version_id == version
        self.model(name).drop(version)

    async def amend(self, name: str, version: bytes | None, note: str) -> None:
        model = self.model(name)
        asked = [one for one in model.versions if version is None or one.id == version]
        wanted = asked[-1] if asked else None
        try:
            await self.store.amend_object(
                self.container,
                name,
                lambda _: Attributes("text/plain", {"note": note}, {}),
                version,
            )
        except ObjectMissingError:
            assert wanted is None or wanted.payload is None
            return
        assert wanted is not None
        assert wanted.payload is not None
        wanted.note = note

    async def read(self, name: str, version: bytes | None) -> bytes | None:
        found = await self.store.get_object(self.container, name, version)
        if found is None or found[0].state == State.DELETE_MARKER:
            return None
        data = b""
        async with found[1] as payload:
            async for chunk in payload.read(0, found[0].size_bytes):
                data += chunk
        return data

    async def check(self) -> None:
        """Compare everything that can be asked, then what the devices hold with itself."""
        for name, model in self.names.items():
            await self._check_name(name, model)
        await self._check_listings()
        for device in self.env.devices.values():
            with device.index.snapshot() as snapshot:
                check_device(snapshot)

    async def _check_name(self, name: str, model: ModelName) -> None:
        store, container, current = self.store, self.container, model.current
        record = await store.object(container, name)
        is_there = current is not None and current.payload is not None
        assert (record is not None) is is_there
        newest = await store.current_version(container, name)
        assert (None if newest is None else newest.version_id) == (current and current.id)
        assert await self.read(name, None) == (current.payload if current else None)
        for version in model.versions:
            record = await store.object(container, name, version.id)
            assert record is not None
            assert (record.state == State.DELETE_MARKER) is (version.payload is None)
            assert record.metadata.get("note", "") == version.note
            assert await self.read(name, version.id) == version.payload
        if not any(version.id == NULL_VERSION for version in model.versions):
            assert await store.object(container, name, NULL_VERSION) is None
        assert await store.object(container, name, bytes(12)) is None

    async def _check_listings(self) -> None:
        living = {
            name: len(model.current.payload)
            for name, model in sorted(self.names.items())
            if model.current is not None and model.current.payload is not None
        }
        entries = await self.store.list_objects(self.container, Query())
        assert {one.name: one.row.size_bytes for one in entries if one.row} == living
        counters = await self.store.counters(self.container)
        assert counters[:3] == (len(living), len(living), sum(living.values()))
        wanted = [
            (name, version.id, version is model.current, version.payload is None)
            for name, model in sorted(self.names.items())
            for version in reversed(model.versions)
        ]
        for limit in (1, 2, 1000):
            assert await self.pages(VersionQuery(limit=limit)) == wanted

    async def pages(self, query: VersionQuery) -> list[tuple[str, bytes, bool, bool]]:
        found: list[tuple[str, bytes, bool, bool]] = []
        while True:
            page = await self.store.list_versions(self.container, query)
            found += [one[:4] for one in page]
            if len(page) < query.limit:
                return found
            last = page[-1]
            query = query._replace(key_marker=last.name, version_marker=last.version)


def check_device(snapshot: Snapshot) -> None:
    """Compare digests, counters, directories and summaries with a full scan."""
    digests: dict[bytes, int] = {}
    inline = set()
    entries = ((key, unpack_body(body)) for key, body in walk(snapshot, "objects", b"", b""))
    for prefix, group in groupby(entries, key=lambda entry: entry[0][:PREFIX_SIZE_BYTES]):
        held = list(group)
        assert find_fault(prefix, held) == ""
        for key, fields in held:
            record = decode_entry(key, fields)
            if record is None:
                continue
            for place in (digest_key(prefix), root_key(prefix)):
                digests[place] = digests.get(place, 0) ^ record_digest(prefix, record)
            if record.location.where == 1:
                inline.add(record.write_id)
    for place, digest in digests.items():
        assert read_digest(snapshot, place) == digest
    assert {bytes(key) for key, _ in snapshot.scan("inline", b"")} == inline
    for key, body in walk(snapshot, "counters", b"", b""):
        counted = Counters()
        for name, row in scan_rows(snapshot, key, b""):
            counted = counted.replace(name, None, row)
        assert decode_counters(unpack_body(body)) == counted


async def version_counters(compared: Compared) -> Counters:
    """Return the counters of the versions' rows."""
    assert versions_id(compared.container.id) != compared.container.id
    return await compared.store.version_counters(compared.container)
