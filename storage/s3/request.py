"""A request to the S3 API, parsed once; and the one way that a response leaves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from storage.auth.authenticator import Identity
from storage.auth.keys import AccessKey
from storage.container.record import ContainerRecord
from storage.http.asgi import Receive, Scope, Send
from storage.s3.addressing import SERVICE, Address
from storage.s3.body import UNSIGNED, RequestBody, read_body
from storage.s3.errors import Header, S3Error
from storage.s3.ids import RequestIds
from storage.s3.operations import Operation
from storage.s3.parameters import NO_PARAMETERS, Parameters
from storage.s3.response import Response
from storage.s3.signing.request import SignedRequest


class Request:
    """A request.

    Attributes:
        method: as sent.
        raw_path: as sent.
        query_string: as sent.
        headers: values by lower-case name; those of a repeated header joined by commas.
        parameters: of the query string.
        signed: the request as its signature covers it.
        receive: gives the body as sent.
        scope: of ASGI.
        id: names the request in logs and towards the client.
        ids: where the id comes from.
        address: what is addressed.
        operation: which of S3's it is.
        identity: who asks; nobody where the request is anonymous.
        access_key: with which it is signed.
        body_terms: how the body comes, and what its signature asks of it.
        container: the bucket's, where the operation needs one that is there.
        more_headers: are sent with the response, whatever it is.
        tags: that the document in the body sets; nothing where there is none, or none was read.
        is_started: whether a part of the response has left.
    """

    __slots__ = (
        "_body",
        "_send",
        "access_key",
        "address",
        "body_terms",
        "container",
        "headers",
        "id",
        "identity",
        "ids",
        "is_started",
        "method",
        "more_headers",
        "operation",
        "parameters",
        "query_string",
        "raw_path",
        "receive",
        "scope",
        "signed",
        "tags",
    )

    operation: Operation

    def __init__(self, scope: Scope, receive: Receive, send: Send, ids: RequestIds) -> None:
        self.method: str = scope["method"]
        self.raw_path: bytes = scope["raw_path"]
        self.query_string: bytes = scope["query_string"]
        self.signed = SignedRequest(self.method, self.raw_path, self.query_string, scope["headers"])
        self.headers: dict[bytes, bytes] = self.signed.values
        self.parameters: Parameters = NO_PARAMETERS
        self.receive = receive
        self.scope = scope
        self.id = ids.draw()
        self.ids = ids
        self.address: Address = SERVICE
        self.identity: Identity | None = None
        self.access_key: AccessKey | None = None
        self.container: ContainerRecord | None = None
        self.more_headers: list[Header] = []
        self.tags: Mapping[str, str] | None = None
        self.is_started = False
        self.body_terms = UNSIGNED
        self._body: RequestBody | None = None
        self._send = send

    @property
    def body(self) -> RequestBody:
        """The payload, decoded and verified as the request's signature wants it.

        Raises:
            S3Error: a length is missing or malformed.
        """
        if self._body is None:
            self._body = read_body(self.receive, self.headers, self.body_terms)
        return self._body

    @property
    def bucket(self) -> str:
        """Name of the bucket, or empty."""
        return self.address.bucket

    @property
    def key(self) -> str:
        """Name of the object, or empty."""
        return self.address.key

    @property
    def existing(self) -> ContainerRecord:
        """The bucket's container.

        Raises:
            S3Error: NoSuchBucket, there is none.
        """
        if self.container is None:
            raise S3Error("NoSuchBucket", BucketName=self.address.bucket)
        return self.container

    def header(self, name: bytes) -> str:
        """Return a header as text, empty where it is absent."""
        return self.headers.get(name, b"").decode("latin-1")

    async def document(self, size_bytes_max: int) -> bytes:
        """Return the whole body, which is a document.

        Raises:
            S3Error: MaxMessageLengthExceeded, it is longer than that; what the signature or a
                digest of the body is refused with.
            BodyIncompleteError: it broke off.
        """
        pieces, left_bytes = [], size_bytes_max
        while piece := await self.body.receive():
            left_bytes -= len(piece)
            if left_bytes < 0:
                raise S3Error("MaxMessageLengthExceeded", MaxMessageLengthBytes=size_bytes_max)
            pieces.append(piece)
        return b"".join(pieces)

    async def respond(self, response: Response) -> None:
        """Send a whole response."""
        status, headers, body, length_bytes = response
        if length_bytes is None:
            length_bytes = len(body)
        if self.method == "HEAD":
            body = b""
        await self.start(status, headers, length_bytes)
        await self._send({"type": "http.response.body", "body": body})

    async def start(
        self, status: int, headers: Iterable[Header], length_bytes: int | None = None
    ) -> None:
        """Begin a response.

        Args:
            status: code.
            headers: all but the length and those that every response has.
            length_bytes: of the body; without it the body is sent in chunks.
        """
        sent = [
            (b"x-amz-request-id", self.id.encode("ascii")),
            *self.ids.headers,
            *headers,
            *self.more_headers,
        ]
        if length_bytes is not None and status != 204 and status != 304:
            sent.append((b"Content-Length", b"%d" % length_bytes))
        self.is_started = True
        await self._send({"type": "http.response.start", "status": status, "headers": sent})

    async def send_piece(self, piece: bytes | memoryview, *, more: bool) -> None:
        """Send a part of the body; it is free again when this returns."""
        await self._send({"type": "http.response.body", "body": piece, "more_body": more})
