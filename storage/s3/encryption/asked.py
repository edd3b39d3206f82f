"""What encryption a request asks for, in x-amz-server-side-encryption and its kin."""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping
from typing import NamedTuple

from storage.s3.encryption.customer import CustomerKey, read_customer_key
from storage.s3.encryption.keyring import DEFAULT_KMS_KEY
from storage.s3.encryption.seal import Mode, Seal
from storage.s3.errors import Header, S3Error
from storage.swift.text import decode, encode

METHOD = b"x-amz-server-side-encryption"
KMS_KEY = METHOD + b"-aws-kms-key-id"
CONTEXT = METHOD + b"-context"
BUCKET_KEY = METHOD + b"-bucket-key-enabled"
CONTEXT_BYTES_MAX = 8192
KMS_KEY_BYTES_MAX = 2048
_DOUBLE_LAYER = b"aws:kms:dsse"


class Asked(NamedTuple):
    """The encryption of a new object.

    Attributes:
        mode: who has the master key.
        kms_key: id, as the client named it; empty for other modes.
        context: JSON in Base64, as the client sent it; empty for none.
        bucket_key: whether a bucket key is asked for. Nothing here needs one; it is told again.
        customer: the key that the customer brought.
    """

    mode: Mode
    kms_key: str = ""
    context: str = ""
    bucket_key: bool = False
    customer: CustomerKey | None = None


def read_asked(headers: Mapping[bytes, bytes]) -> Asked | None:
    """Return the encryption that a request asks for, or nothing.

    Raises:
        S3Error: InvalidArgument, InvalidEncryptionAlgorithmError, or NotImplemented for
            encryption in two layers.
    """
    customer, method = read_customer_key(headers), headers.get(METHOD)
    if customer is not None:
        if method is not None:
            text = (
                "Server Side Encryption with Customer provided key is incompatible with the "
                "encryption method specified"
            )
            raise _refused(METHOD, text, method)
        return Asked(Mode.CUSTOMER, customer=customer)
    if method == Mode.KMS.encode():
        return _read_kms(headers)
    for name in (KMS_KEY, CONTEXT):
        if name in headers:
            text = (
                "Server Side Encryption with AWS KMS managed key requires HTTP header "
                "x-amz-server-side-encryption : aws:kms"
            )
            raise _refused(METHOD, text, method or b"")
    if method is None:
        return None
    if method == _DOUBLE_LAYER:
        raise S3Error("NotImplemented", Header=METHOD.decode())
    if method != Mode.CLUSTER.encode():
        raise _refused(METHOD, "The encryption method specified is not supported", method)
    return Asked(Mode.CLUSTER)


def _read_kms(headers: Mapping[bytes, bytes]) -> Asked:
    key, context = headers.get(KMS_KEY, b""), headers.get(CONTEXT, b"")
    bucket_key = headers.get(BUCKET_KEY, b"false").lower()
    if len(key) > KMS_KEY_BYTES_MAX:
        raise _refused(KMS_KEY, "The key id is too long", b"")
    if bucket_key not in (b"true", b"false"):
        raise _refused(BUCKET_KEY, "The value must be true or false", bucket_key)
    if context and not _is_context(context):
        text = "The encryption context must be a JSON object of strings, in Base64"
        raise _refused(CONTEXT, text, context)
    return Asked(
        Mode.KMS, decode(key) or DEFAULT_KMS_KEY, context.decode("latin-1"), bucket_key == b"true"
    )


def _is_context(value: bytes) -> bool:
    if len(value) > CONTEXT_BYTES_MAX:
        return False
    try:
        context = json.loads(b64decode(value, validate=True))
    except (ValueError, RecursionError):
        return False
    return isinstance(context, dict) and all(isinstance(one, str) for one in context.values())


def seal_headers(seal: Seal, customer: CustomerKey | None = None) -> list[Header]:
    """Return the headers that tell how an object is encrypted.

    Args:
        seal: of the object.
        customer: the key that came with the request.
    """
    if seal.mode is Mode.CUSTOMER:
        return [] if customer is None else customer.headers
    headers = [(METHOD, seal.mode.encode("ascii"))]
    if seal.kms_key:
        headers.append((KMS_KEY, encode(seal.kms_key)))
    if seal.bucket_key:
        headers.append((BUCKET_KEY, b"true"))
    return headers


def refuse_headers(headers: Mapping[bytes, bytes]) -> None:
    """Refuse headers of encryption where an object is only read.

    Raises:
        S3Error: InvalidArgument.
    """
    for name in (METHOD, KMS_KEY, CONTEXT, BUCKET_KEY):
        if name in headers:
            text = f"{name.decode()} header is not supported for this operation."
            raise _refused(name, text, headers[name])


def _refused(header: bytes, message: str, value: bytes) -> S3Error:
    shown = value.decode("latin-1")
    return S3Error("InvalidArgument", message, ArgumentName=header.decode(), ArgumentValue=shown)
