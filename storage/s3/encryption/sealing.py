"""Encryption of what a request writes: the one step between a handler and the engine."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from atoll.world import World
from storage.proxy.engine import Attributes, Body
from storage.s3.encryption.asked import CONTEXT, Asked, seal_headers
from storage.s3.encryption.customer import CustomerKey
from storage.s3.encryption.keyring import Keyring
from storage.s3.encryption.payload import EncryptedBody, finishing
from storage.s3.encryption.seal import Mode, Place, Seal
from storage.s3.encryption.segments import (
    KEY_SIZE_BYTES,
    OBJECT_ID_SIZE_BYTES,
    SegmentCipher,
    stored_size,
)
from storage.s3.errors import Header

MoreAttributes: TypeAlias = Attributes | Callable[[], Attributes]


class Upload(NamedTuple):
    """What the engine is given of a new object; see `Engine.put_object`."""

    attributes: MoreAttributes
    body: Body
    size_bytes: int | None
    etag: str | None


class Plain:
    """No encryption.

    Attributes:
        headers: of the response.
    """

    headers: tuple[Header, ...] = ()

    def take(
        self,
        attributes: MoreAttributes,
        body: Body,
        size_bytes: int | None,
        etag: str | None = None,
    ) -> Upload:
        """Return an upload as it is."""
        return Upload(attributes, body, size_bytes, etag)

    def for_parts(self) -> Mapping[str, str]:
        """Return the system metadata that says how the parts of an upload are encrypted."""
        return {}


class Sealing:
    """The encryption of one new object, or of one part.

    Args:
        asked: which encryption.
        place: where the object will lie.
        keyring: the master keys.
        world: randomness and threads.

    Attributes:
        headers: of the response.

    Raises:
        S3Error: KMS.NotFoundException or KMS.DisabledException.
    """

    def __init__(self, asked: Asked, place: Place, keyring: Keyring, world: World) -> None:
        object_id = world.random.randbytes(OBJECT_ID_SIZE_BYTES)
        version = keyring.newest_version(asked.kms_key) if asked.mode is Mode.KMS else 0
        seal = Seal(asked.mode, object_id, asked.kms_key, version, asked.context, asked.bucket_key)
        if asked.customer is not None:
            seal = seal._replace(check=seal.check_of(asked.customer.secret))
        self._seal = seal
        self._customer: CustomerKey | None = asked.customer
        self._place = place
        self._keyring = keyring
        self._world = world
        context = [(CONTEXT, asked.context.encode("ascii"))] if asked.context else []
        self.headers = (*seal_headers(seal, asked.customer), *context)

    def take(
        self,
        attributes: MoreAttributes,
        body: Body,
        size_bytes: int | None,
        etag: str | None = None,
    ) -> Upload:
        """Return an upload as it is stored.

        Args:
            attributes: of the object, beside its encryption.
            body: in the clear.
            size_bytes: announced length of the body, if any.
            etag: MD5 in hexadecimal that the body must have, if announced.
        """
        customer = self._customer
        master = self._keyring.master(self._seal) if customer is None else customer.secret
        data_key = self._world.random.randbytes(KEY_SIZE_BYTES)
        seal = self._seal.wrap(master, self._place, data_key)
        encrypted = EncryptedBody(
            body,
            SegmentCipher(data_key, seal.object_id),
            self._world.threads,
            etag,
            shows_md5=seal.mode is Mode.CLUSTER,
        )
        size_bytes = None if size_bytes is None else stored_size(size_bytes)
        done = finishing(attributes, encrypted, seal.to_system())
        return Upload(done, encrypted, size_bytes, None)

    def for_parts(self) -> Mapping[str, str]:
        """Return the system metadata that says how the parts of an upload are encrypted."""
        return self._seal.to_system()


PLAIN = Plain()
