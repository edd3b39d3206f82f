"""What a new object carries besides its bytes, from the headers of the request that makes it."""

from __future__ import annotations

from storage.container.record import ContainerRecord
from storage.proxy.engine import Attributes
from storage.s3.errors import S3Error
from storage.s3.marks import OBJECT_LOCK
from storage.s3.objects.conditions import RequestHeaders
from storage.s3.objects.metadata import read_metadata
from storage.s3.objects.retention import (
    asks_for_lock,
    default_retention,
    read_lock_headers,
)
from storage.s3.objects.tags import TAGS, format_stored, parse_header
from storage.s3.signing.chunked import CODING, without_coding
from storage.swift.text import decode

CONTENT_TYPE = "binary/octet-stream"
REDIRECT = "x-website-redirect-location"
STORAGE_CLASS = "x-storage-class"
STANDARD = "STANDARD"
STORAGE_CLASSES = frozenset(
    (
        STANDARD,
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "DEEP_ARCHIVE",
        "GLACIER_IR",
    )
)
"""All are kept and shown; every object is stored, and served, the same way."""

CONTENT_HEADERS = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "expires",
)
"""Headers that an object keeps and that Swift shows as well."""

REDIRECT_BYTES_MAX = 2048
_CONTENT_HEADERS = tuple((name.encode("ascii"), name) for name in CONTENT_HEADERS)
_NOT_IMPLEMENTED = (
    b"x-amz-write-offset-bytes",
    b"x-amz-object-lock-event-hold",
)
"""What the names of headers begin with that would change what a write does."""


def new_attributes(headers: RequestHeaders, container: ContainerRecord, now_s: float) -> Attributes:
    """Return what a PUT gives to an object.

    Args:
        headers: of the request.
        container: the bucket's.
        now_s: physical time, in seconds since 1970.

    Raises:
        S3Error: a header is not valid.
    """
    system = content_system(headers) | lock_system(headers, container, now_s)
    system |= tagging_system(headers)
    return Attributes(content_type(headers), read_metadata(headers), system)


def content_type(headers: RequestHeaders) -> str:
    """Return the content type that a request gives, or S3's own default."""
    value = headers.get(b"content-type")
    return decode(value) if value else CONTENT_TYPE


def content_system(headers: RequestHeaders) -> dict[str, str]:
    """Return the system metadata that comes with the content, and that a copy keeps with it.

    Raises:
        S3Error: InvalidRedirectLocation, InvalidStorageClass, or NotImplemented.
    """
    system = {name: decode(headers[raw]) for raw, name in _CONTENT_HEADERS if raw in headers}
    encoding = system.get("content-encoding", "")
    if CODING in encoding.lower():
        system["content-encoding"] = without_coding(encoding)
        if not system["content-encoding"]:
            del system["content-encoding"]
    return system | place_system(headers)


def place_system(headers: RequestHeaders) -> dict[str, str]:
    """Return what says how an object is stored and where it leads; no copy takes it over.

    Raises:
        S3Error: InvalidRedirectLocation, InvalidStorageClass, or NotImplemented.
    """
    refuse_not_implemented(headers)
    system: dict[str, str] = {}
    redirect = headers.get(b"x-amz-website-redirect-location")
    if redirect:
        if not redirect.startswith((b"/", b"http://", b"https://")):
            text = "The website redirect location must have a prefix of 'http://' or 'https://' or '/'."  # noqa: E501
            raise S3Error("InvalidRedirectLocation", text)
        if len(redirect) > REDIRECT_BYTES_MAX:
            text = "The length of website redirect location cannot exceed 2,048 characters."
            raise S3Error("InvalidRedirectLocation", text)
        system[REDIRECT] = decode(redirect)
    storage_class = headers.get(b"x-amz-storage-class")
    if storage_class is not None:
        name = storage_class.decode("latin-1")
        if name not in STORAGE_CLASSES:
            raise S3Error("InvalidStorageClass", StorageClassRequested=name)
        if name != STANDARD:
            system[STORAGE_CLASS] = name
    return system


def refuse_not_implemented(headers: RequestHeaders) -> None:
    """Refuse a write that asks for what this server cannot do, instead of doing something else.

    Raises:
        S3Error: NotImplemented.
    """
    for name in headers:
        if name.startswith(_NOT_IMPLEMENTED):
            raise S3Error("NotImplemented", Header=name.decode("latin-1"))


def tagging_system(headers: RequestHeaders) -> dict[str, str]:
    """Return the system metadata of a request's tags.

    Raises:
        S3Error: InvalidArgument, InvalidTag or BadRequest.
    """
    value = headers.get(b"x-amz-tagging")
    return {TAGS: format_stored(parse_header(value))} if value else {}


def lock_system(
    headers: RequestHeaders, container: ContainerRecord, now_s: float
) -> dict[str, str]:
    """Return the system metadata of object lock: the request's own, or the bucket's default.

    Raises:
        S3Error: InvalidArgument or InvalidRequest.
    """
    asked = asks_for_lock(headers)
    if OBJECT_LOCK not in container.metadata:
        if asked:
            raise S3Error("InvalidRequest", "Bucket is missing Object Lock Configuration")
        return {}
    system: dict[str, str] = {}
    default = default_retention(container.values)
    if default is not None:
        system = default.starting(now_s).to_system()
    return system | read_lock_headers(headers, now_s) if asked else system
