"""FormPost: uploads from the form of a web page, under a signature that the page brings along.

After OpenStack Swift (`swift.common.middleware.formpost`). The signature covers the path below
which files may be put, where the browser goes afterwards, how large and how many files may be, and
until when. Fields must come before the files that they are about.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from html import escape
from typing import NamedTuple
from urllib.parse import quote

from atoll.world import Clock
from storage.container.record import ContainerRecord
from storage.http.form import (
    Event,
    FormEnds,
    FormError,
    FormReader,
    PartBegins,
    PartData,
    form_boundary,
)
from storage.proxy.engine import Body, Engine
from storage.proxy.errors import StoreError
from storage.swift.body import RequestBody, declared_length
from storage.swift.changes import new_attributes
from storage.swift.metadata import MetadataRules
from storage.swift.objects import Objects
from storage.swift.request import Request
from storage.swift.response import (
    HTML,
    PLAIN,
    Response,
    SwiftError,
    of_store_error,
    refuse,
    status_line,
)
from storage.swift.settings import SwiftSettings
from storage.swift.signatures import is_signed_by_any, keys_of, read_signature
from storage.swift.target import Level, decode_path

VALUE_BYTES_MAX = 4096
_FORM_BYTES_MAX = 2**62
FIELDS_MAX = 100
_FORM_TYPE = b"multipart/form-data"
_NS_PER_S = 1_000_000_000
_NUMBER_LENGTH_MAX = 18
_SIGNED_NUMBERS = ("max_file_size", "max_file_count", "expires")
_ABOUT_FORM = b"FormPost: "


def is_form(request: Request) -> bool:
    """Tell whether a request is a form."""
    return (
        request.method == "POST"
        and request.headers.get(b"content-type", b"")[: len(_FORM_TYPE)].lower() == _FORM_TYPE
    )


class _Outcome(NamedTuple):
    """How a form went.

    Attributes:
        status: code.
        message: what is said besides.
        body: that tells of a file that was refused.
    """

    status: int
    message: str = ""
    body: bytes = b""


class Forms:
    """Handles forms.

    Args:
        engine: of the store.
        objects: of the same API.
        rules: of metadata.
        settings: limits.
        clock: physical time, by which forms end.
    """

    def __init__(
        self,
        engine: Engine,
        objects: Objects,
        rules: MetadataRules,
        settings: SwiftSettings,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._objects = objects
        self._rules = rules
        self._size_bytes_max = settings.object_size_bytes_max
        self._clock = clock

    async def post(self, request: Request, container: ContainerRecord | None) -> Response:
        """POST of a form: store its files.

        Args:
            request: to a container, or to what the names of the files begin with.
            container: that it is to, if it is there.

        Raises:
            SwiftError: 400 or 401; files before the one that is refused stay.
        """
        length_bytes = declared_length(request.headers, _FORM_BYTES_MAX)
        received = RequestBody(request.receive, length_bytes, _FORM_BYTES_MAX)
        try:
            boundary = form_boundary(request.headers[b"content-type"])
        except FormError:
            raise refuse("FormPost: invalid starting boundary") from None
        parts = _Parts(received, FormReader(boundary or b""))
        fields: dict[str, str] = {}
        outcome: _Outcome | None = None
        files = 0
        while (part := await parts.next()) is not None:
            if not part.filename:
                await _read_field(parts, part, fields)
                continue
            files += 1
            if files > _number(fields, "max_file_count"):
                outcome = _Outcome(400, "max file count exceeded")
                break
            size_bytes_max = _number(fields, "max_file_size")
            headers = _headers(fields, part)
            await self._check_signature(request, fields)
            name = request.target.object + part.filename
            body = _FileBody(parts, size_bytes_max, self._size_bytes_max)
            outcome = await self._store(container, name, headers, body)
            if outcome.status >= 400:
                break
        if outcome is None:
            outcome = _Outcome(400, "no files to process")
        return _answer(outcome, fields.get("redirect", ""))

    async def _check_signature(self, request: Request, fields: dict[str, str]) -> None:
        """Refuse a form that nobody with a key has signed.

        Raises:
            SwiftError: 401; 400 for a field that is not a number.
        """
        target = request.target
        keys = []
        if target.level is not Level.ACCOUNT:
            account = await self._engine.account(target.account)
            container = await self._engine.container(target.account, target.container)
            keys = [
                *keys_of(account[0].values if account else {}, "account"),
                *keys_of(container.values if container else {}, "container"),
            ]
        if not keys:
            raise _unauthorized("invalid signature")
        if _number(fields, "expires") < self._clock.wall_ns() // _NS_PER_S:
            raise _unauthorized("form expired")
        signed = [decode_path(request.path), fields.get("redirect", "")]
        signed += [fields.get(name) or "0" for name in _SIGNED_NUMBERS]
        message = "\n".join(signed).encode()
        try:
            signature = read_signature(fields.get("signature", ""))
        except ValueError:
            raise _unauthorized("invalid signature") from None
        if not is_signed_by_any(signature, keys, message):
            raise _unauthorized("invalid signature")

    async def _store(
        self,
        container: ContainerRecord | None,
        name: str,
        headers: Mapping[bytes, bytes],
        body: Body,
    ) -> _Outcome:
        """Store a file, or return why not.

        Raises:
            SwiftError: what follows is no form, or the file is larger than the form allows.
        """
        try:
            if container is None:
                raise SwiftError(404)
            self._objects.check_new_name(name)
            attributes = new_attributes(headers, name, self._rules, self._objects.now_s())
            await self._objects.writes.put(container, name, attributes, body)
        except SwiftError as error:
            if error.response.body.startswith(_ABOUT_FORM):
                raise
            return _Outcome(error.response.status, body=error.response.body)
        except StoreError as error:
            response = of_store_error(error)
            return _Outcome(response.status, body=response.body)
        return _Outcome(201)


class _Parts:
    """The parts of a form, one after the other.

    Args:
        body: of the request.
        reader: of the form.
    """

    def __init__(self, body: RequestBody, reader: FormReader) -> None:
        self._body = body
        self._reader = reader
        self._events: deque[Event] = deque()
        self._has_begun = False

    async def next(self) -> PartBegins | None:
        """Return the next part, nothing at the end; what is unread of the last is passed over.

        Raises:
            SwiftError: 400, it is no form.
        """
        while True:
            event = await self._next_event()
            if isinstance(event, PartBegins):
                return event
            if isinstance(event, FormEnds):
                return None

    async def data(self) -> bytes:
        """Return the next bytes of the part, none at its end.

        Raises:
            SwiftError: 400, it is no form.
        """
        event = await self._next_event()
        return event.data if isinstance(event, PartData) else b""

    async def _next_event(self) -> Event:
        while not self._events:
            data = await self._body.receive()
            try:
                if not data:
                    self._reader.close()
                self._events.extend(self._reader.feed(data))
            except FormError as error:
                reason = str(error) if self._has_begun else "invalid starting boundary"
                raise refuse(f"FormPost: {reason}") from error
        self._has_begun = True
        return self._events.popleft()


class _FileBody:
    """A file of a form as an upload.

    Args:
        parts: of the form.
        form_bytes_max: that the form allows.
        object_bytes_max: that any object may have.
    """

    def __init__(self, parts: _Parts, form_bytes_max: int, object_bytes_max: int) -> None:
        self._parts = parts
        self._form_bytes_max = form_bytes_max
        self._object_bytes_max = object_bytes_max
        self._size_bytes = 0

    async def receive(self) -> bytes:
        """Return the next bytes, none at the end.

        Raises:
            SwiftError: 400, it is too large for the form, or no form; 413.
        """
        data = await self._parts.data()
        self._size_bytes += len(data)
        if self._size_bytes > self._form_bytes_max:
            raise refuse("FormPost: max_file_size exceeded")
        if self._size_bytes > self._object_bytes_max:
            raise SwiftError(413)
        return data


async def _read_field(parts: _Parts, part: PartBegins, fields: dict[str, str]) -> None:
    """Take in a field; what it has beyond the longest value is dropped.

    Raises:
        SwiftError: 400, too many fields or not UTF-8.
    """
    value = b""
    while data := await parts.data():
        value += data[: VALUE_BYTES_MAX - len(value)]
    if len(fields) >= FIELDS_MAX:
        raise refuse("FormPost: too many fields")
    try:
        fields[part.name.lower()] = value.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise refuse("FormPost: a field is not valid UTF-8") from None


def _headers(fields: dict[str, str], part: PartBegins) -> dict[bytes, bytes]:
    """Return the headers that a PUT of the file would have.

    Raises:
        SwiftError: 400.
    """
    given = {
        b"content-type": fields.get("content-type", part.content_type),
        b"content-encoding": fields.get("content-encoding", part.content_encoding),
    }
    for name, unit in (("x_delete_at", "Unix timestamp"), ("x_delete_after", "Number of seconds")):
        if name in fields:
            try:
                given[name.replace("_", "-").encode()] = str(int(fields[name][:_NUMBER_LENGTH_MAX]))
            except ValueError:
                raise refuse(f"FormPost: {name} not an integer: {unit} required.") from None
    return {name: value.encode() for name, value in given.items() if value}


def _number(fields: dict[str, str], name: str) -> int:
    """Return a field that is a number, 0 where it is absent.

    Raises:
        SwiftError: 400.
    """
    try:
        return int(fields.get(name, "")[:_NUMBER_LENGTH_MAX] or 0)
    except ValueError:
        shown = "expired" if name == "expires" else name
        raise refuse(f"FormPost: {shown} not an integer") from None


def _answer(outcome: _Outcome, redirect: str) -> Response:
    """Return what the browser gets: how it went, or where to go to hear of it."""
    if not redirect:
        text = status_line(outcome.status)
        if outcome.message:
            text += f"\r\nFormPost: {outcome.message.title()}"
        return Response(outcome.status, [PLAIN], outcome.body or text.encode())
    joint = "&" if "?" in redirect else "?"
    url = f"{redirect}{joint}status={outcome.status}&message={quote(outcome.message)}"
    location = url.encode().replace(b"\r", b"%0D").replace(b"\n", b"%0A").replace(b"\0", b"%00")
    body = f'<html><body><p><a href="{escape(url)}">Click to continue...</a></p></body></html>'
    return Response(303, [HTML, (b"Location", location)], body.encode())


def _unauthorized(reason: str) -> SwiftError:
    return SwiftError(401, f"FormPost: {reason.title()}")
