"""Signed S3 requests, written beforehand so that no load generator has to sign while it loads."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hmac import digest as hmac_digest
from typing import cast

from botocore.auth import S3SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from benchmarks.load import HOST

REGION = "us-east-1"
UNSIGNED = "UNSIGNED-PAYLOAD"
STREAMING = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
EMPTY_SHA256 = hashlib.sha256().hexdigest()


@dataclass(frozen=True)
class Signer:
    """Signs requests as AWS's own client does.

    Attributes:
        access_key: whose they are.
        secret: of that key.
        port: of the server on the loopback.
    """

    access_key: str
    secret: str
    port: int

    def head(
        self,
        method: str,
        path: str,
        *,
        size_bytes: int = 0,
        sha256: str = EMPTY_SHA256,
        headers: Mapping[str, str] | None = None,
    ) -> bytes:
        """Return the head of a request.

        Args:
            method: of HTTP.
            path: with its query string.
            size_bytes: of the body.
            sha256: of the body in hexadecimal, or one of AWS's words in its place.
            headers: to sign as well.
        """
        url = f"http://{HOST}:{self.port}{path}"
        sent = {"X-Amz-Content-SHA256": sha256, **(headers or {})}
        request = AWSRequest(method, url, headers=sent)
        request.context["payload_signing_enabled"] = False
        signer = _GivenPayload(Credentials(self.access_key, self.secret), "s3", REGION)
        signer.add_auth(request)
        lines = [f"Host: {HOST}:{self.port}", f"Content-Length: {size_bytes}"]
        lines += [f"{name}: {value}" for name, value in request.headers.items()]
        return "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()

    def streamed(self, path: str, body: bytes, chunk_bytes: int) -> bytes:
        """Return a whole PUT whose body is sent in signed chunks (AWS: SigV4 streaming)."""
        pieces = [body[at : at + chunk_bytes] for at in range(0, len(body), chunk_bytes)]
        sizes = [len(piece) for piece in (*pieces, b"")]
        total = sum(len(f"{size:x}") + len(";chunk-signature=") + 64 + 4 + size for size in sizes)
        headers = {
            "Content-Encoding": "aws-chunked",
            "X-Amz-Decoded-Content-Length": str(len(body)),
        }
        head = self.head("PUT", path, size_bytes=total, sha256=STREAMING, headers=headers)
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:] if line)
        date = fields[b"X-Amz-Date"].decode()
        signature = fields[b"Authorization"].rpartition(b"Signature=")[2].decode()
        key = self._key(date[:8])
        scope = f"{date[:8]}/{REGION}/s3/aws4_request"
        parts = [head]
        for piece in (*pieces, b""):
            sha256 = hashlib.sha256(piece).hexdigest()
            text = "\n".join(
                ("AWS4-HMAC-SHA256-PAYLOAD", date, scope, signature, EMPTY_SHA256, sha256)
            )
            signature = hmac_digest(key, text.encode(), "sha256").hex()
            parts += [f"{len(piece):x};chunk-signature={signature}\r\n".encode(), piece, b"\r\n"]
        return b"".join(parts)

    def _key(self, day: str) -> bytes:
        key = f"AWS4{self.secret}".encode()
        for part in (day, REGION, "s3", "aws4_request"):
            key = hmac_digest(key, part.encode(), "sha256")
        return key


class _GivenPayload(S3SigV4Auth):  # type: ignore[misc]
    """A signer that takes the payload's hash from the request."""

    def payload(self, request: AWSRequest) -> str:
        return cast(str, request.headers["X-Amz-Content-SHA256"])

    def _modify_request_before_signing(self, request: AWSRequest) -> None:
        sha256 = request.headers["X-Amz-Content-SHA256"]
        super()._modify_request_before_signing(request)
        del request.headers["X-Amz-Content-SHA256"]
        request.headers["X-Amz-Content-SHA256"] = sha256


def packed(heads: Iterable[bytes]) -> bytes:
    """Return heads in the form that `replay.lua` reads."""
    return b"".join(len(head).to_bytes(4) + head for head in heads)
