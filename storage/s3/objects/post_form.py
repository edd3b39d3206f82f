"""The form of a browser's upload: its fields, and the file behind them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from storage.http.form import (
    Event,
    FormError,
    FormReader,
    PartBegins,
    PartData,
    PartEnds,
    form_boundary,
)
from storage.proxy.engine import Body
from storage.s3.checksums import Algorithm, Checksum
from storage.s3.errors import S3Error
from storage.s3.integrity import BodyChecks
from storage.s3.request import Request
from storage.s3.signing.post_policy import PostPolicy, expand_filename

FIELDS_BYTES_MAX = 20 * 1024
FILE = "file"

_NOT_EXPANDED = frozenset(("policy", "signature", "x-amz-signature"))
_HEADERS = frozenset(
    (
        "cache-control",
        "content-disposition",
        "content-encoding",
        "content-language",
        "content-md5",
        "content-type",
        "expires",
    )
)
_AMZ = "x-amz-"
_RENAMED = {"acl": "x-amz-acl"}


class Form(NamedTuple):
    """A form whose file has begun.

    Attributes:
        fields: by name in lower case, variables expanded.
        file: comes next.
    """

    fields: Mapping[str, str]
    file: FormFile

    @property
    def headers(self) -> dict[bytes, bytes]:
        """The fields that are headers of a PUT, as such."""
        return {
            _RENAMED.get(name, name).encode("latin-1", "replace"): value.encode()
            for name, value in self.fields.items()
            if name in _HEADERS or name in _RENAMED or name.startswith(_AMZ)
        }


class FormFile:
    """The file of a form, as the body of an upload.

    Args:
        request: whose body is the form.
        reader: of the form.
        ahead: events of the file that were read with the fields.
    """

    def __init__(self, request: Request, reader: FormReader, ahead: deque[Event]) -> None:
        self._body = request.body
        self._reader = reader
        self._events = ahead
        self._is_done = False
        self._size_bytes = 0
        self._policy: PostPolicy | None = None
        self._checks: BodyChecks | None = None

    def expect(self, headers: Mapping[bytes, bytes], policy: PostPolicy | None) -> str | None:
        """Say what the file must be; return its MD5 in hexadecimal where that is announced.

        Raises:
            S3Error: InvalidDigest or InvalidRequest, what is announced is malformed.
        """
        self._checks = BodyChecks(headers, default=Algorithm.CRC64NVME)
        self._policy = policy
        return self._checks.md5.hex() or None

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end.

        Raises:
            S3Error: MalformedPOSTRequest, or EntityTooLarge.
            BodyIncompleteError: the connection broke.
        """
        while not self._is_done:
            while self._events:
                event = self._events.popleft()
                if isinstance(event, PartData):
                    self._take(event.data)
                    return event.data
                if isinstance(event, PartEnds):
                    self._is_done = True
                    return b""
            self._events.extend(await next_events(self._body, self._reader))
        return b""

    def _take(self, data: bytes) -> None:
        self._size_bytes += len(data)
        if self._policy is not None and self._size_bytes > self._policy.size_bytes_max:
            self._policy.check_size(self._size_bytes)
        if self._checks is not None:
            self._checks.update(data)

    def finish(self) -> Checksum | None:
        """Check the file, which has ended, and return the checksum to store with it.

        Raises:
            S3Error: EntityTooSmall, EntityTooLarge or BadDigest.
        """
        if self._policy is not None:
            self._policy.check_size(self._size_bytes)
        return None if self._checks is None else self._checks.finish()


async def next_events(body: Body, reader: FormReader) -> list[Event]:
    """Return what the next bytes of a form tell.

    Raises:
        S3Error: MalformedPOSTRequest.
    """
    data = await body.receive()
    try:
        if not data:
            reader.close()
        return list(reader.feed(data))
    except FormError as error:
        raise S3Error("MalformedPOSTRequest") from error


async def read_form(request: Request) -> Form:
    """Read a form up to its file.

    Raises:
        S3Error: PreconditionFailed where the body is no form, MalformedPOSTRequest,
            MaxPostPreDataLengthExceededError, or InvalidArgument where there is no file.
    """
    reader = _open(request)
    collected: dict[str, bytes] = {}
    name, size_bytes = "", 0
    events: deque[Event] = deque()
    while not reader.is_complete or events:
        if not events:
            events.extend(await next_events(request.body, reader))
        while events:
            event = events.popleft()
            if isinstance(event, PartBegins):
                name = event.name.lower()
                if name == FILE:
                    filename = event.filename or ""
                    return Form(_expanded(collected, filename), FormFile(request, reader, events))
                collected[name] = b""
                size_bytes += len(name)
            elif isinstance(event, PartData):
                collected[name] += event.data
                size_bytes += len(event.data)
            if size_bytes > FIELDS_BYTES_MAX:
                raise S3Error("MaxPostPreDataLengthExceededError")
    raise S3Error(
        "InvalidArgument",
        "POST requires exactly one file upload per request.",
        ArgumentName=FILE,
        ArgumentValue=0,
    )


def _open(request: Request) -> FormReader:
    try:
        boundary = form_boundary(request.headers.get(b"content-type", b""))
    except FormError as error:
        raise S3Error("MalformedPOSTRequest") from error
    if boundary is None:
        condition = "Bucket POST must be of the enclosure-type multipart/form-data"
        raise S3Error("PreconditionFailed", Condition=condition)
    return FormReader(boundary)


def _expanded(collected: Mapping[str, bytes], filename: str) -> dict[str, str]:
    fields: dict[str, str] = {}
    for name, raw in collected.items():
        try:
            value = raw.decode()
        except UnicodeDecodeError:
            raise S3Error("MalformedPOSTRequest") from None
        fields[name] = value if name in _NOT_EXPANDED else expand_filename(value, filename)
    return fields
