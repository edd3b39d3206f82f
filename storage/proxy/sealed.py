"""Payloads that are stored in another form than their readers see: encrypted ones.

The store keeps such bytes and knows nothing of the form. Whoever opens an object is given what a
reader sees, or an error: stored bytes are never handed out in their place.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

from storage.object.record import ObjectRecord
from storage.proxy.engine import Payload, Unseal
from storage.proxy.errors import SealedError


def refuse(record: ObjectRecord) -> Callable[[Payload], Payload]:
    """Refuse to open anything, as whoever has no keys does.

    Raises:
        SealedError: always.
    """
    raise SealedError(record.name)


class OpenSealed:
    """The context of a sealed object's payload.

    Args:
        record: of the object.
        stored: its payload as it is stored, to open.
        unseal: has the keys.
    """

    __slots__ = ("_record", "_stored", "_unseal")

    def __init__(
        self, record: ObjectRecord, stored: AbstractAsyncContextManager[Payload], unseal: Unseal
    ) -> None:
        self._record = record
        self._stored = stored
        self._unseal = unseal

    async def __aenter__(self) -> Payload:
        read = self._unseal(self._record)
        payload = await self._stored.__aenter__()
        try:
            return read(payload)
        except BaseException:
            await self._stored.__aexit__(None, None, None)
            raise

    async def __aexit__(self, *_: object) -> None:
        await self._stored.__aexit__(None, None, None)
