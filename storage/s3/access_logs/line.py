"""A line of an access log. S3 User Guide, "Amazon S3 server access log format"."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import quote

from storage.s3.operations import Level
from storage.s3.owner import canonical_id
from storage.s3.request import Request


def log_line(
    request: Request, at_s: float, status: int, sent_bytes: int, duration_s: float
) -> bytes:
    """Return the line of a request that was answered.

    Args:
        request: of a bucket.
        at_s: when it came, in seconds since 1970.
        status: of the response.
        sent_bytes: of its body.
        duration_s: from the request's head to the end of the response.
    """
    bucket, identity, client = request.existing, request.identity, request.scope.get("client")
    target = request.raw_path.decode("latin-1")
    if request.query_string:
        target += "?" + request.query_string.decode("latin-1")
    code = request.scope.get("atoll", {}).get("error_code", "")
    time_ms = str(int(duration_s * 1000))
    fields = (
        canonical_id(bucket.account),
        bucket.name,
        f"[{datetime.fromtimestamp(at_s, UTC):%d/%b/%Y:%H:%M:%S +0000}]",
        "" if client is None else client[0],
        "" if identity is None else identity.user,
        request.id,
        _operation(request),
        quote(quote(request.key, safe="/")) if request.key else "",
        _quoted(f"{request.method} {target} HTTP/1.1"),
        str(status),
        code,
        str(sent_bytes) if sent_bytes else "",
        "",  # the object's size: not known here
        time_ms,
        "",
        _quoted(request.header(b"referer")),
        _quoted(request.header(b"user-agent")),
        request.parameters.get("versionId") or "",
        request.ids.host_id,
        _signature(request),
        "",
        _authentication(request),
        request.header(b"host"),
        "",
        "",
        "",
    )
    return (" ".join(field or "-" for field in fields) + "\n").encode("utf-8", "replace")


def _operation(request: Request) -> str:
    """Return what S3 calls the operation: "REST.PUT.OBJECT"."""
    operation = request.operation
    if operation.name in ("CopyObject", "UploadPartCopy"):
        return f"REST.COPY.{'PART' if operation.name == 'UploadPartCopy' else 'OBJECT'}"
    plain = "OBJECT" if operation.level is Level.OBJECT else "BUCKET"
    name = {"uploadId": "UPLOAD", "delete": "MULTI_OBJECT_DELETE"}.get(
        operation.subresource, operation.subresource.upper() or plain
    )
    if operation.name == "UploadPart":
        name = "PART"
    return f"REST.{request.method}.{name}"


def _quoted(text: str) -> str:
    """Return text in quotes, with nothing in it that ends them or the line."""
    if not text:
        return ""
    clean = text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
    return f'"{clean}"'


def _signature(request: Request) -> str:
    if request.access_key is None:
        return ""
    is_v4 = b"AWS4" in request.headers.get(b"authorization", b"") or "X-Amz-Algorithm" in (
        request.parameters
    )
    return "SigV4" if is_v4 else "SigV2"


def _authentication(request: Request) -> str:
    if request.access_key is None:
        return ""
    return "AuthHeader" if b"authorization" in request.headers else "QueryString"
