"""How an object is encrypted, as it is kept with the object: everything but the master key.

The data key is encrypted with AES-256-GCM under a key that is derived from the master key for this
object alone, and bound to where the object lies: it does not open in another place.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from storage.object.record import SEAL, ObjectRecord
from storage.proxy.errors import PayloadLostError
from storage.proxy.parts import upload_of
from storage.reserved import is_reserved, parts_of

VERSION = 1
_NONCE = bytes(12)  # the key that it is used with is of one object
_WRAPPING = b"atoll data key of "
_CHECKING = b"atoll customer key of "


class Mode(StrEnum):
    """Who has the master key; the values of x-amz-server-side-encryption, where it has one."""

    CLUSTER = "AES256"
    """SSE-S3: the cluster."""
    KMS = "aws:kms"
    """SSE-KMS: the key file."""
    CUSTOMER = "SSE-C"
    """The customer, who brings it with every request."""


class Place(NamedTuple):
    """Where an object lies; a part lies where the object will be.

    Attributes:
        account: storage account.
        bucket: name of the container.
        key: name of the object.
    """

    account: str
    bucket: str
    key: str


class Seal(NamedTuple):
    """How an object is encrypted; that of a multipart object says how its parts are.

    Attributes:
        mode: who has the master key.
        object_id: random; of this payload alone.
        kms_key: id of the master key, as the client named it; empty for other modes.
        kms_version: of the master key, from 1; 0 for other modes.
        context: the encryption context as the client sent it: JSON in Base64; empty for none.
        bucket_key: whether the client, or the bucket, asked for a bucket key.
        check: of a customer's key: what it is known again by.
        wrapped_key: the data key, encrypted; empty where the parts have theirs.
    """

    mode: Mode
    object_id: bytes
    kms_key: str = ""
    kms_version: int = 0
    context: str = ""
    bucket_key: bool = False
    check: bytes = b""
    wrapped_key: bytes = b""

    def to_system(self) -> dict[str, str]:
        """Return the system metadata that keeps it."""
        fields: dict[str, object] = {
            "v": VERSION,
            "mode": self.mode,
            "id": self.object_id.hex(),
            "kms_key": self.kms_key,
            "kms_version": self.kms_version,
            "context": self.context,
            "bucket_key": self.bucket_key,
            "check": b64encode(self.check).decode("ascii"),
            "key": b64encode(self.wrapped_key).decode("ascii"),
        }
        kept = {name: value for name, value in fields.items() if value}
        return {SEAL: json.dumps(kept, separators=(",", ":"))}

    def wrap(self, master: bytes, place: Place, data_key: bytes) -> Seal:
        """Return the seal with the data key in it.

        Args:
            master: key of this mode.
            place: where the object will lie.
            data_key: of this payload alone.
        """
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # only who uses it pays

        wrapping = AESGCM(_derive(master, _WRAPPING, self.object_id))
        return self._replace(wrapped_key=wrapping.encrypt(_NONCE, data_key, self._bound(place)))

    def unwrap(self, master: bytes, place: Place) -> bytes:
        """Return the data key.

        Raises:
            PayloadLostError: what is kept was not made with this key for this place.
        """
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        wrapping = AESGCM(_derive(master, _WRAPPING, self.object_id))
        try:
            return wrapping.decrypt(_NONCE, self.wrapped_key, self._bound(place))
        except InvalidTag as error:
            raise PayloadLostError(f"the data key of {place.key!r} does not open") from error

    def check_of(self, customer_key: bytes) -> bytes:
        """Return what a customer's key is known again by; nobody finds the key from it."""
        return _derive(customer_key, _CHECKING, self.object_id)

    def _bound(self, place: Place) -> bytes:
        """Return what the data key is bound to."""
        facts = (VERSION, self.mode, self.kms_key, self.context, *place)
        return json.dumps(facts).encode()


def seal_of(system: Mapping[str, str]) -> Seal | None:
    """Return how an object is encrypted, from its system metadata; nothing where it is not.

    Raises:
        PayloadLostError: the form is unknown.
    """
    text = system.get(SEAL)
    if text is None:
        return None
    fields: dict[str, Any] = json.loads(text)
    if fields["v"] != VERSION:
        raise PayloadLostError(f"encryption form {fields['v']} is unknown")
    return Seal(
        Mode(fields["mode"]),
        bytes.fromhex(fields["id"]),
        fields.get("kms_key", ""),
        fields.get("kms_version", 0),
        fields.get("context", ""),
        fields.get("bucket_key", False),
        b64decode(fields.get("check", "")),
        b64decode(fields.get("key", "")),
    )


def place_of(record: ObjectRecord) -> Place:
    """Return the place that an object's data key is bound to."""
    if is_reserved(record.container):
        bucket = record.container.removeprefix(parts_of(""))
        return Place(record.account, bucket, upload_of(record.name)[0])
    return Place(record.account, record.container, record.name)


def _derive(key: bytes, purpose: bytes, object_id: bytes) -> bytes:
    return hmac.digest(key, purpose + object_id, "sha256")
