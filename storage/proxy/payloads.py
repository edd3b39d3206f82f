"""Handing out payloads: verified in the very buffer that leaves, from whichever replica is good."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence

from atoll.branch import Branch
from storage.device.client import DeviceUnavailableError, OutcomeUnknownError
from storage.device.payload import BLOCK_SIZE_BYTES, PayloadDamagedError
from storage.mutation import MarkDamaged
from storage.object.record import ObjectRecord, Where, object_prefix
from storage.proxy.errors import ObjectMissingError, PayloadLostError, UnavailableError
from storage.proxy.replica import Replica, ReplicaFailedError, StoredPayload
from storage.proxy.voters import Voters

PIECE_SIZE_BYTES = 4 * BLOCK_SIZE_BYTES
REPORT_DEADLINE_S = 5.0
_TAKEN_OVER = Branch("payload: another replica took over while it was read")
_DAMAGED = Branch("payload: found damaged or gone, and reported")


class InlinePayload:
    """A small payload, whole and verified.

    Attributes:
        whole: all of its bytes.
    """

    __slots__ = ("whole",)

    def __init__(self, whole: bytes) -> None:
        self.whole = whole

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes | memoryview]:
        """Yield the bytes from `start` up to `stop`."""
        yield self.whole[start:stop]

    async def __aenter__(self) -> InlinePayload:
        return self

    async def __aexit__(self, *_: object) -> None:
        return

    def close(self) -> None:
        """Nothing is open."""


class FilePayload:
    """A payload in files; where one replica's is damaged the next one takes over.

    Args:
        search: that found the first good replica, and finds the next.
        stored: the payload there.
    """

    whole: bytes | None = None

    def __init__(self, search: _Search, stored: StoredPayload) -> None:
        self._search = search
        self._stored = stored

    async def read(self, start: int, stop: int) -> AsyncIterator[bytes | memoryview]:
        """Yield the bytes from `start` up to `stop`; a chunk is valid until the next.

        Raises:
            PayloadLostError: no replica has undamaged bytes.
            UnavailableError: no replica has, but not all could be asked.
        """
        blocks = (stop - 1) // BLOCK_SIZE_BYTES - start // BLOCK_SIZE_BYTES + 1
        buffer = memoryview(bytearray(min(PIECE_SIZE_BYTES, blocks * BLOCK_SIZE_BYTES)))
        at = start
        while at < stop:
            block = at // BLOCK_SIZE_BYTES
            count = await self._read_blocks(buffer, block)
            skip = at - block * BLOCK_SIZE_BYTES
            end = min(count, skip + stop - at)
            yield buffer[skip:end]
            at += end - skip

    async def _read_blocks(self, buffer: memoryview, block: int) -> int:
        while True:
            try:
                return await self._stored.read_blocks(buffer, block)
            except (PayloadDamagedError, ReplicaFailedError) as error:
                found = await self._search.after(error)
                if isinstance(found, InlinePayload):
                    raise PayloadLostError("replicas differ in kind") from error
                self.close()
                self._stored = found

    def close(self) -> None:
        """Close the file."""
        self._stored.close()


class _Search:
    """Goes through the replicas of one object until one has its payload undamaged."""

    def __init__(
        self, record: ObjectRecord, policy: int, name_hash: bytes, replicas: list[Replica]
    ) -> None:
        self._record = record
        self._policy = policy
        self._name_hash = name_hash
        self._rest = replicas
        self._replica: Replica | None = None
        self._was_replaced = False
        self._has_failed = False
        self._own = record if len(replicas) == 1 else None  # it can only be that replica's

    async def next_good(self) -> InlinePayload | StoredPayload:
        """Open the payload at the next replica that has it.

        Raises:
            PayloadLostError: there is none left.
            UnavailableError: there is none left, but one could not be asked.
            ObjectMissingError: the object was replaced meanwhile.
        """
        while self._rest:
            self._replica = self._rest.pop(0)
            try:
                found = await self._open()
                if found is not None:
                    return found
            except ReplicaFailedError:
                self._has_failed = True
        if self._was_replaced:
            raise ObjectMissingError(self._record.name)
        if self._has_failed:
            raise UnavailableError(f"no replica shows {self._record.write_id.hex()}")
        raise PayloadLostError(f"no undamaged payload of {self._record.write_id.hex()}")

    async def after(self, error: Exception) -> InlinePayload | StoredPayload:
        """Go on at the next replica when one failed while it was read."""
        _TAKEN_OVER.reached()
        if isinstance(error, ReplicaFailedError):
            self._has_failed = True
        else:
            await self._report()
        return await self.next_good()

    async def _open(self) -> InlinePayload | StoredPayload | None:
        """Open the payload at the current replica, if it has it undamaged."""
        own, self._own = self._own or await self._look(), None
        if own is None or self._replica is None:
            return None
        try:
            if own.location.where == Where.INLINE:
                return InlinePayload(await self._replica.inline_payload(own))
            if own.location.where == Where.FILE:
                return await self._replica.open_payload(own)
        except FileNotFoundError:
            if await self._look() is not None:  # the record still says that it is there
                await self._report()
        except PayloadDamagedError:
            await self._report()
        return None

    async def _look(self) -> ObjectRecord | None:
        """Return the replica's own record of this write, if it still has it."""
        if self._replica is None:
            return None
        prefix = object_prefix(self._policy, self._name_hash)
        own = await self._replica.version(prefix, self._record.version_id)
        if own is not None and own.write_id == self._record.write_id and own.is_visible:
            return own
        self._was_replaced |= own is not None and own.changed > self._record.changed
        self._was_replaced |= own is None
        return None

    async def _report(self) -> None:
        """Have the damaged payload quarantined; the device may be too ill to do so."""
        _DAMAGED.reached()
        ask = MarkDamaged(self._policy, self._name_hash, self._record.write_id)
        if self._replica is not None:
            try:
                await self._replica.commit([ask], REPORT_DEADLINE_S)
            except (DeviceUnavailableError, OutcomeUnknownError):
                return


class OpenPayload:
    """The context of an open payload; see `storage.proxy.engine.Engine.open`.

    A class, not a generator: every GET passes here.

    Args:
        voters: the devices.
        numbers: of those that may have the payload.
        record: of the object.
        policy: storage policy.
        name_hash: of the object.
    """

    __slots__ = ("_payload", "_search")

    def __init__(
        self,
        voters: Voters,
        numbers: Sequence[int],
        record: ObjectRecord,
        policy: int,
        name_hash: bytes,
    ) -> None:
        replicas = [voters.replicas[number] for number in numbers]
        self._search = _Search(record, policy, name_hash, replicas)
        self._payload: InlinePayload | FilePayload | None = None

    async def __aenter__(self) -> InlinePayload | FilePayload:
        found = await self._search.next_good()
        payload = found if isinstance(found, InlinePayload) else FilePayload(self._search, found)
        self._payload = payload
        return payload

    async def __aexit__(self, *_: object) -> None:
        if self._payload is not None:
            self._payload.close()
