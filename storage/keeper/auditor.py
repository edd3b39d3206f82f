"""The auditor: reads everything a device holds, and compares it with what it says of itself.

- Every payload is read and verified; a damaged one is quarantined.
- The records of each range must hash to the range's digest, and the records of all containers and
  accounts to theirs: a subtree that the index lost shows here, and fails the device.
- The directory and the summary of each name must follow from its records.
- The rows of each container, of its versions, and of each account must add up to their counters.
- What is due and what is owed must be sealed.

A record whose own seal is broken is counted and left alone: reads refuse it, a peer can replace
it, and the rest of the device is good. Good seals in the wrong place mean that a page is wrong.
What was proven is dated in the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import trio

from atoll.world import DiskError, World
from storage.account.record import DIGEST_KEY as ACCOUNTS_DIGEST
from storage.account.record import AccountRecord, account_digest, read_account
from storage.container.record import DIGEST_KEY as CONTAINERS_DIGEST
from storage.container.record import ContainerRecord, container_digest, read_container
from storage.container.row import Counters, decode_counters, scan_rows
from storage.container.versions import versions_id
from storage.device.client import DeviceUnavailableError, OutcomeUnknownError
from storage.device.folder import DeviceFolder
from storage.device.index import Index, IndexFailedError, Snapshot, lookup
from storage.device.payload import BLOCK_SIZE_BYTES, PayloadDamagedError, PayloadReader
from storage.device.transaction import read_digest
from storage.mutation import MarkDamaged, Mutation, Prove
from storage.object.record import (
    DIGEST_RANGE_BITS,
    POLICY_SIZE_BYTES,
    PREFIX_SIZE_BYTES,
    TABLE,
    ObjectRecord,
    State,
    Where,
    digest_key,
    record_digest,
)
from storage.object.versions import decode_entry, find_fault, find_write
from storage.proxy.replica import Replica
from storage.seal import DamagedError, DisorderError, is_sealed, unpack

RANGES = 1 << DIGEST_RANGE_BITS
ROWS_A_SNAPSHOT = 2000
ATTEMPTS_MAX = 3
COMMIT_DEADLINE_S = 30.0
PIECE_SIZE_BYTES = 4 * BLOCK_SIZE_BYTES
PROOFS_A_COMMIT = 256
DIGEST_KEY_SIZE_BYTES = 4
SEALED_TABLES = ("due", "outbox", "events")


@dataclass(slots=True)
class AuditReport:
    """What a pass over a device found.

    Attributes:
        records: object records read.
        payload_bytes: verified.
        payloads_damaged: quarantined.
        entries_damaged: index entries whose seal is broken.
        collections: containers and accounts counted.
        unproven: ranges and collections that changed too fast to be compared.
        failures: why the device must be failed; empty for a sound one.
    """

    records: int = 0
    payload_bytes: int = 0
    payloads_damaged: int = 0
    entries_damaged: int = 0
    collections: int = 0
    unproven: int = 0
    failures: list[str] = field(default_factory=list)


class Auditor:
    """Audits one device.

    Args:
        world: clock and threads.
        index: of the device, open for reading.
        folder: of the device.
        replica: the device, for what has to be written.
        bytes_per_s_max: how fast payloads are read.
    """

    def __init__(
        self,
        world: World,
        index: Index,
        folder: DeviceFolder,
        replica: Replica,
        bytes_per_s_max: int,
    ) -> None:
        self._world = world
        self._index = index
        self._folder = folder
        self._replica = replica
        self._bytes_per_s_max = bytes_per_s_max
        self._proofs: list[Mutation] = []

    async def run_once(self) -> AuditReport:
        """Audit the device; where it proves unsound, fail it. On cancel: nothing is lost."""
        report = AuditReport()
        try:
            for policy in sorted(self._policies()):
                for number in range(RANGES):
                    await self._audit_range(policy, number, report)
                    await trio.lowlevel.checkpoint()
            await self._audit_records(CONTAINERS_DIGEST, _container_at, report)
            await self._audit_records(ACCOUNTS_DIGEST, _account_at, report)
            for table in SEALED_TABLES:
                await self._audit_seals(table, report)
            await self._write_proofs()
        except IndexFailedError as error:
            report.failures.append(str(error))
        if report.failures:
            await self._world.threads.run(self._folder.fail, "; ".join(report.failures[:8]))
        return report

    def _policies(self) -> set[bytes]:
        """Return the policies that ever had records: their digests stay when all is lost."""
        with self._index.snapshot() as snapshot:
            keys = [bytes(key) for key, _ in snapshot.scan("digests", b"")]
        return {key[:POLICY_SIZE_BYTES] for key in keys if len(key) == DIGEST_KEY_SIZE_BYTES}

    # records and payloads

    async def _audit_range(self, policy: bytes, number: int, report: AuditReport) -> None:
        digest_place = policy + number.to_bytes(2)
        digest, damaged, fault = 0, 0, ""
        records: list[tuple[bytes, ObjectRecord]] = []
        with self._index.snapshot() as snapshot:
            for prefix, entries in _names_of_range(snapshot, policy, number):
                found = _audit_name(prefix, entries)
                records += found.records
                damaged += found.damaged
                fault = fault or found.fault
                for placed in found.records:
                    digest ^= record_digest(*placed)
            try:
                stored = read_digest(snapshot, digest_place)
            except DamagedError:
                damaged, stored = damaged + 1, digest
        report.records += len(records)
        report.entries_damaged += damaged
        if not damaged and stored != digest:
            report.failures.append(f"objects, range {digest_place.hex()}: records are missing")
            return
        if not damaged and fault:
            report.failures.append(f"objects, range {digest_place.hex()}: {fault}")
            return
        for prefix, record in records:
            if record.state == State.DATA:
                await self._audit_payload(prefix, record, report)
        if records and not damaged:
            await self._prove(digest_place, digest.to_bytes(16), len(records))

    async def _audit_payload(
        self, prefix: bytes, record: ObjectRecord, report: AuditReport
    ) -> None:
        try:
            if record.location.where == Where.INLINE:
                self._verify_inline(prefix, record, report)
            elif record.location.where == Where.FILE:
                await self._verify_file(record)
            else:
                return
            report.payload_bytes += record.stored_size_bytes
        except (PayloadDamagedError, DamagedError, FileNotFoundError, DiskError):
            with self._index.snapshot() as snapshot:
                now = find_write(snapshot, prefix, record.write_id)
            if now is None or not now.is_visible:
                return  # replaced or deleted while it was read
            report.payloads_damaged += 1
            policy = int.from_bytes(prefix[:POLICY_SIZE_BYTES])
            ask = MarkDamaged(policy, prefix[POLICY_SIZE_BYTES:], record.write_id)
            await self._commit([ask])

    def _verify_inline(self, prefix: bytes, record: ObjectRecord, report: AuditReport) -> None:
        """Check a payload in the index: one that is not there at all is a lost entry."""
        with self._index.snapshot() as snapshot:
            if lookup(snapshot, "inline", record.write_id) is not None:
                return
            if find_write(snapshot, prefix, record.write_id) == record:
                report.failures.append(f"inline: payload {record.write_id.hex()} is missing")

    async def _verify_file(self, record: ObjectRecord) -> None:
        threads = self._world.threads
        payloads = self._folder.payloads
        reader = await threads.run(
            payloads.open, record.write_id, record.stored_size_bytes, record.location.seal
        )
        try:
            buffer = memoryview(bytearray(PIECE_SIZE_BYTES))
            for at in range(0, record.stored_size_bytes, PIECE_SIZE_BYTES):
                await threads.run(_read_piece, reader, buffer, at // BLOCK_SIZE_BYTES)
                await trio.sleep(PIECE_SIZE_BYTES / self._bytes_per_s_max)
        finally:
            reader.close()

    # collections

    async def _audit_records(
        self,
        table: bytes,
        read_at: Callable[[Snapshot, bytes], tuple[tuple[bytes, ...], int]],
        report: AuditReport,
    ) -> None:
        """Check the records of a table against their digest, and each one's rows."""
        damaged, digest = 0, 0
        owners: list[bytes] = []
        with self._index.snapshot() as snapshot:
            for raw_key, _ in snapshot.scan(table.decode(), b""):
                try:
                    owner_ids, one = read_at(snapshot, bytes(raw_key))
                except DamagedError:
                    damaged += 1
                    continue
                digest ^= one
                owners += owner_ids
            try:
                stored = read_digest(snapshot, table)
            except DamagedError:
                damaged, stored = damaged + 1, digest
        report.entries_damaged += damaged
        if not damaged and stored != digest:
            report.failures.append(f"{table.decode()}: records are missing")
        for owner_id in owners:
            await self._audit_rows(table.decode(), owner_id, report)

    async def _audit_rows(self, table: str, owner_id: bytes, report: AuditReport) -> None:
        """Count a collection's rows, page by page, and compare with its counters."""
        report.collections += 1
        for _ in range(ATTEMPTS_MAX):
            try:
                before, counted, after = await self._count_rows(owner_id)
            except DisorderError as error:
                report.failures.append(str(error))
                return
            except DamagedError:
                report.entries_damaged += 1
                return
            if before != after:
                continue
            if counted != after:
                report.failures.append(f"{table}: rows of {owner_id.hex()} do not add up")
                return
            await self._prove(b"rows" + owner_id, after.digest.to_bytes(16), after.rows)
            return
        report.unproven += 1

    async def _count_rows(self, owner_id: bytes) -> tuple[Counters, Counters, Counters]:
        counted, start = Counters(), b""
        with self._index.snapshot() as snapshot:
            before = _counters(snapshot, owner_id)
        while True:
            name, taken = b"", 0
            with self._index.snapshot() as snapshot:
                for name, row in scan_rows(snapshot, owner_id, start):
                    counted = counted.replace(name, None, row)
                    taken += 1
                    if taken == ROWS_A_SNAPSHOT:
                        break
                after = _counters(snapshot, owner_id)
            if taken < ROWS_A_SNAPSHOT:
                return before, counted, after
            start = name + b"\0"
            await trio.lowlevel.checkpoint()

    # what has no digest

    async def _audit_seals(self, table: str, report: AuditReport) -> None:
        """Count the broken seals of a table, page by page."""
        start: bytes | None = b""
        while start is not None:
            with self._index.snapshot() as snapshot:
                page = list(islice(snapshot.scan(table, start), ROWS_A_SNAPSHOT))
                report.entries_damaged += sum(not is_sealed(*entry) for entry in page)
                start = bytes(page[-1][0]) + b"\0" if len(page) == ROWS_A_SNAPSHOT else None
            await trio.lowlevel.checkpoint()

    # the ledger

    async def _prove(self, key: bytes, digest: bytes, entries: int) -> None:
        at_s = self._world.clock.wall_ns() // 1_000_000_000
        self._proofs.append(Prove(key, {"at_s": at_s, "digest": digest, "entries": entries}))
        if len(self._proofs) >= PROOFS_A_COMMIT:
            await self._write_proofs()

    async def _write_proofs(self) -> None:
        proofs, self._proofs = self._proofs, []
        if proofs:
            await self._commit(proofs)

    async def _commit(self, group: list[Mutation]) -> None:
        try:
            await self._replica.commit(group, COMMIT_DEADLINE_S)
        except (DeviceUnavailableError, OutcomeUnknownError):
            return  # the next pass finds the same


_Entry = tuple[bytes, Any]


class _NameReport(NamedTuple):
    """What was found behind one prefix: its records, broken entries, and what does not fit."""

    records: list[tuple[bytes, ObjectRecord]]
    damaged: int
    fault: str


def _audit_name(prefix: bytes, entries: list[_Entry | None]) -> _NameReport:
    records: list[tuple[bytes, ObjectRecord]] = []
    damaged = 0
    for entry in entries:
        try:
            record = None if entry is None else decode_entry(*entry)
            damaged += entry is None
        except DamagedError:
            damaged, record = damaged + 1, None
        if record is not None:
            records.append((prefix, record))
    whole = [entry for entry in entries if entry is not None]
    return _NameReport(records, damaged, "" if damaged else find_fault(prefix, whole))


def _names_of_range(
    snapshot: Snapshot, policy: bytes, number: int
) -> Iterator[tuple[bytes, list[_Entry | None]]]:
    """Walk the prefixes of a range, each with its entries; nothing stands for a damaged one."""
    held = b""
    entries: list[_Entry | None] = []
    for entry in _entries_of_range(snapshot, policy, number):
        prefix = held if entry is None else entry[0][:PREFIX_SIZE_BYTES]
        if prefix != held and entries:
            yield held, entries
            entries = []
        held = prefix
        entries.append(entry)
    if entries:
        yield held, entries


def _entries_of_range(snapshot: Snapshot, policy: bytes, number: int) -> Iterator[_Entry | None]:
    """Walk keys and fields of a range; nothing stands for an entry that is damaged.

    A damaged key may stand for any other: it neither ends the range nor leads to its beginning.
    """
    start = policy + (number << (16 - DIGEST_RANGE_BITS)).to_bytes(2)
    before = snapshot.seek_before(TABLE, start)
    if before is not None and (bytes(before[0]) >= start or not is_sealed(*before)):
        yield None
    for raw_key, value in snapshot.scan(TABLE, start):
        key = bytes(raw_key)
        if key < start or not is_sealed(key, value):
            yield None
            continue
        if digest_key(key) != policy + number.to_bytes(2):
            return
        yield key, unpack(TABLE, key, value)


def _read_piece(reader: PayloadReader, buffer: memoryview, block: int) -> None:
    reader.read_blocks(buffer, block)


def _counters(snapshot: Snapshot, owner_id: bytes) -> Counters:
    value = snapshot.get("counters", owner_id)
    if value is None:
        raise DamagedError("counters", owner_id, "a living collection has no counters")
    return decode_counters(unpack("counters", owner_id, value))


def _container_at(snapshot: Snapshot, key: bytes) -> tuple[tuple[bytes, ...], int]:
    record: ContainerRecord | None = read_container(snapshot, key)
    owners = () if record is None else (record.id, versions_id(record.id))
    return owners, container_digest(key, record)


def _account_at(snapshot: Snapshot, key: bytes) -> tuple[tuple[bytes, ...], int]:
    record: AccountRecord | None = read_account(snapshot, key)
    return () if record is None else (record.id,), account_digest(key, record)
