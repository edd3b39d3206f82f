"""SSE-C: keys that customers bring with each request, and that are forgotten with it."""

from __future__ import annotations

import hashlib
import hmac
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import NamedTuple

from storage.object.record import ObjectRecord
from storage.proxy.engine import Payload
from storage.proxy.errors import SealedError
from storage.s3.encryption.keyring import decrypting
from storage.s3.encryption.seal import Mode, Seal, seal_of
from storage.s3.encryption.segments import KEY_SIZE_BYTES
from storage.s3.errors import Header, S3Error

ALGORITHM = b"AES256"


class CustomerHeaders(NamedTuple):
    """The names of the three headers that bring a key."""

    algorithm: bytes
    key: bytes
    md5: bytes


OWN = CustomerHeaders(
    b"x-amz-server-side-encryption-customer-algorithm",
    b"x-amz-server-side-encryption-customer-key",
    b"x-amz-server-side-encryption-customer-key-md5",
)
"""Of the object that a request is about."""

OF_SOURCE = CustomerHeaders(*(name.replace(b"x-amz-", b"x-amz-copy-source-", 1) for name in OWN))
"""Of the object that is copied."""

_REQUESTS = "Requests specifying Server Side Encryption with Customer provided keys must "


class CustomerKey(NamedTuple):
    """A customer's key.

    Attributes:
        secret: 32 bytes.
        md5: of it, in Base64, as the customer sent it and is told again.
    """

    secret: bytes
    md5: bytes

    def __repr__(self) -> str:
        return "<customer's key>"

    @property
    def headers(self) -> list[Header]:
        """What a response tells of it."""
        return [(OWN.algorithm, ALGORITHM), (OWN.md5, self.md5)]

    def opens(self, seal: Seal) -> bool:
        """Tell whether it is the key that an object was encrypted with."""
        return hmac.compare_digest(seal.check_of(self.secret), seal.check)

    def unseal(self, record: ObjectRecord) -> Callable[[Payload], Payload]:
        """Return what decrypts an object; see `storage.proxy.engine.Unseal`.

        Raises:
            SealedError: the object has another key.
            PayloadLostError: the data key does not open.
        """
        seal = seal_of(record.system)
        if seal is None or seal.mode is not Mode.CUSTOMER or not self.opens(seal):
            raise SealedError(f"{record.name}: is encrypted with another key")
        return decrypting(record, seal, self.secret)


def read_customer_key(
    headers: Mapping[bytes, bytes], names: CustomerHeaders = OWN
) -> CustomerKey | None:
    """Return the key that a request brings, or nothing.

    Raises:
        S3Error: InvalidArgument or InvalidEncryptionAlgorithmError.
    """
    algorithm, text, md5 = (headers.get(name) for name in names)
    if algorithm is None and text is None and md5 is None:
        return None
    if not algorithm:
        raise _refused(names.algorithm, f"{_REQUESTS}provide a valid encryption algorithm.")
    if algorithm != ALGORITHM:
        raise S3Error(
            "InvalidEncryptionAlgorithmError",
            ArgumentName=names.algorithm.decode(),
            ArgumentValue=algorithm.decode("latin-1"),
        )
    if not text:
        raise _refused(names.key, f"{_REQUESTS}provide an appropriate secret key.")
    if not md5:
        raise _refused(
            names.md5, f"{_REQUESTS}provide the client calculated MD5 of the secret key."
        )
    secret = _decode(text)
    if len(secret) != KEY_SIZE_BYTES:
        raise _refused(names.key, "The secret key was invalid for the specified algorithm.")
    if _decode(md5) != hashlib.md5(secret, usedforsecurity=False).digest():
        message = "The calculated MD5 hash of the key did not match the hash that was provided."
        raise _refused(names.md5, message)
    return CustomerKey(secret, md5)


def _decode(text: bytes) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""


def _refused(header: bytes, message: str) -> S3Error:
    return S3Error("InvalidArgument", message, ArgumentName=header.decode())
