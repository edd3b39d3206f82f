"""Looks into every device of a quiet cluster, and compares it with itself and with the others."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

from storage.account.record import DIGEST_KEY as ACCOUNTS
from storage.account.record import account_digest, read_account
from storage.container.record import DIGEST_KEY as CONTAINERS
from storage.container.record import container_digest, read_container
from storage.container.row import Counters, decode_counters, scan_rows
from storage.container.versions import versions_id
from storage.device.index import Snapshot, walk
from storage.device.payload import PayloadFolder
from storage.device.transaction import read_digest
from storage.object.record import (
    LOCATION_FIELD,
    PREFIX_SIZE_BYTES,
    ObjectRecord,
    State,
    Where,
    digest_key,
    record_digest,
    root_key,
)
from storage.object.versions import decode_entry, find_fault
from storage.seal import unpack_body
from storage.simulation.checker import ViolationError
from storage.simulation.cluster import Cluster, Device


def expect(condition: object, promise: str) -> None:
    """Check a promise.

    Raises:
        ViolationError: it is broken.
    """
    if not condition:
        raise ViolationError(promise)


def inspect_cluster(cluster: Cluster, *, may_rot: bool) -> None:
    """Check every device, and that replicas hold the same.

    Args:
        cluster: quiet.
        may_rot: whether bits were flipped, so that payloads may be set aside, or still damaged.

    Raises:
        ViolationError: they do not, or one contradicts itself.
    """
    for device in cluster.devices:
        _inspect_device(device, may_rot)
    if cluster.shape.devices == cluster.shape.replicas:
        first, *others = [_replicated(device) for device in cluster.devices]
        for number, other in enumerate(others, 1):
            for table, held in first.items():
                differing = [
                    (held.get(key), other[table].get(key))
                    for key in held.keys() | other[table].keys()
                    if held.get(key) != other[table].get(key)
                ]
                expect(not differing, f"{table} of devices 0 and {number} differ: {differing}")


def _objects(snapshot: Snapshot) -> Iterator[tuple[bytes, ObjectRecord]]:
    for key, body in walk(snapshot, "objects", b"", b""):
        record = decode_entry(key, unpack_body(body))
        if record is not None:
            yield key, record


def _inspect_device(device: Device, may_rot: bool) -> None:
    where = f"device {device.number}"
    with device.index.snapshot() as snapshot:
        _check_digests(snapshot, where)
        _check_counters(snapshot, where)
        _check_payloads(device, snapshot, where, may_rot)
        expect(next(iter(snapshot.scan("outbox", b"")), None) is None, f"{where} owes reports")
        for table in ("due", "facts", "ledger"):
            for _ in walk(snapshot, table, b"", b""):
                pass  # walking tests every entry


def _check_digests(snapshot: Snapshot, where: str) -> None:
    digests: dict[bytes, int] = {}
    for key, record in _objects(snapshot):
        prefix = key[:PREFIX_SIZE_BYTES]
        for place in (digest_key(prefix), root_key(prefix)):
            digests[place] = digests.get(place, 0) ^ record_digest(prefix, record)
    names = groupby(
        ((key, unpack_body(body)) for key, body in walk(snapshot, "objects", b"", b"")),
        key=lambda entry: entry[0][:PREFIX_SIZE_BYTES],
    )
    for prefix, entries in names:
        fault = find_fault(prefix, entries)
        expect(not fault, f"{where}, {prefix.hex()}: {fault}")
    for key, _ in _all(snapshot, CONTAINERS):
        one = container_digest(key, read_container(snapshot, key))
        digests[CONTAINERS] = digests.get(CONTAINERS, 0) ^ one
    for key, _ in _all(snapshot, ACCOUNTS):
        one = account_digest(key, read_account(snapshot, key))
        digests[ACCOUNTS] = digests.get(ACCOUNTS, 0) ^ one
    for place in {*digests, *(key for key, _ in walk(snapshot, "digests", b"", b""))}:
        stored = read_digest(snapshot, place)
        expect(stored == digests.get(place, 0), f"{where}: digest {place!r} is not its records'")


def _check_counters(snapshot: Snapshot, where: str) -> None:
    for key, body in walk(snapshot, "counters", b"", b""):
        counted = Counters()
        for name, row in scan_rows(snapshot, key, b""):
            counted = counted.replace(name, None, row)
        stored = decode_counters(unpack_body(body))
        expect(stored == counted, f"{where}: counters {stored} of rows {counted}")


def _check_payloads(device: Device, snapshot: Snapshot, where: str, may_rot: bool) -> None:
    payloads = PayloadFolder(device.disk, device.root)
    inline, files, waiting = set(), set(), set()
    for _, record in _objects(snapshot):
        if record.state != State.DATA:
            continue
        if record.location.where == Where.INLINE:
            inline.add(record.write_id)
        elif record.location.where == Where.FILE:
            files.add(payloads.path(record.write_id))
            if not may_rot:
                payloads.open(
                    record.write_id, record.stored_size_bytes, record.location.seal
                ).close()
        else:
            waiting.add(payloads.path(record.write_id))  # for the replicator
    kept = {bytes(key) for key, _ in snapshot.scan("inline", b"")}
    expect(kept == inline, f"{where}: inline payloads {kept ^ inline} without records")
    found = {path for path in device.disk.files if payloads.root in path.parents}
    expect(may_rot or files <= found, f"{where}: files {files - found} are gone")
    expect(found <= files | waiting, f"{where}: files {found - files - waiting} without records")
    aside = [path for path in device.disk.files if payloads.quarantine in path.parents]
    expect(may_rot or not aside, f"{where}: {aside} in quarantine although no bit was flipped")


def _replicated(device: Device) -> dict[str, dict[bytes, object]]:
    """Return what replicas must agree on.

    Not where each keeps its payloads, nor what is left of containers that are gone: nobody reads
    that, so nobody repairs it.
    """
    with device.index.snapshot() as snapshot:
        containers = {key: read_container(snapshot, key) for key, _ in _all(snapshot, CONTAINERS)}
        accounts = {key: read_account(snapshot, key) for key, _ in _all(snapshot, ACCOUNTS)}
        alive = {one.id for one in (*containers.values(), *accounts.values()) if one and one.alive}
        owners = alive | {versions_id(one.id) for one in containers.values() if one and one.alive}
        return {
            "objects": {
                key: str(record[:LOCATION_FIELD])
                for key, record in _objects(snapshot)
                if record.container_id in alive
            },
            "rows": {
                owner_id + name: row
                for owner_id in owners
                for name, row in scan_rows(snapshot, owner_id, b"")
            },
            "containers": dict(containers),
            "accounts": dict(accounts),
        }


def _all(snapshot: Snapshot, table: bytes) -> Iterator[tuple[bytes, memoryview]]:
    return walk(snapshot, table.decode(), b"", b"")
