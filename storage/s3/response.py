"""Responses, and what a client is told of the store's errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from storage.proxy.errors import (
    AccountMissingError,
    BodyIncompleteError,
    BodyTooLargeError,
    ContainerMissingError,
    ContainerNotEmptyError,
    EtagMismatchError,
    LockedError,
    ObjectMissingError,
    OutcomeUnknownError,
    PayloadLostError,
    PreconditionFailedError,
    SealedError,
    StoreError,
    StoreFullError,
    UnavailableError,
    VersionMissingError,
)
from storage.s3.errors import Header, S3Error
from storage.s3.xml import Content
from storage.s3.xml import document as xml_document

XML: Header = (b"Content-Type", b"application/xml")

CODE_OF_STORE_ERROR: dict[type[StoreError], str] = {
    AccountMissingError: "NoSuchBucket",
    ContainerMissingError: "NoSuchBucket",
    ObjectMissingError: "NoSuchKey",
    ContainerNotEmptyError: "BucketNotEmpty",
    PreconditionFailedError: "PreconditionFailed",
    BodyTooLargeError: "EntityTooLarge",
    EtagMismatchError: "BadDigest",
    BodyIncompleteError: "IncompleteBody",
    UnavailableError: "ServiceUnavailable",
    OutcomeUnknownError: "ServiceUnavailable",
    PayloadLostError: "InternalError",
    StoreFullError: "InsufficientStorage",
    VersionMissingError: "NoSuchVersion",
    LockedError: "AccessDenied",
    SealedError: "InvalidRequest",
}


class Response(NamedTuple):
    """A response whose body, if it has one, is at hand.

    Attributes:
        status: code.
        headers: all but the length and those that every response has.
        body: whole.
        length_bytes: for HEAD, the size of the body that GET would send.
    """

    status: int
    headers: Iterable[Header] = ()
    body: bytes = b""
    length_bytes: int | None = None


def document(root: str, content: Content, *headers: Header) -> Response:
    """Return a response with an XML document."""
    return Response(200, [XML, *headers], xml_document(root, content))


def of_store_error(error: StoreError, bucket: str, key: str) -> S3Error:
    """Return what a client is told about an error of the store.

    Args:
        error: of the store.
        bucket: that was asked for.
        key: that was asked for.
    """
    known = (
        CODE_OF_STORE_ERROR[kind] for kind in type(error).__mro__ if kind in CODE_OF_STORE_ERROR
    )
    code = next(known, "InternalError")
    if code in ("NoSuchBucket", "BucketNotEmpty"):
        return S3Error(code, BucketName=bucket)
    if code == "NoSuchKey":
        return S3Error(code, Key=key)
    return S3Error(code)
