"""What a request claims of a V4 signature, in its header Authorization or in its query."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from storage.s3.errors import S3Error
from storage.s3.signing.credential import Credential, read_credential
from storage.s3.signing.payload import Payload
from storage.s3.signing.request import SignedRequest, decode_query_part, query_pairs
from storage.s3.signing.times import basic_iso, parse_http_date, parse_iso
from storage.s3.signing.v4 import (
    ALGORITHM,
    REQUIRED_PARAMETERS,
    ClaimV4,
    refuse_credential,
    refuse_header,
    refuse_query,
)

KNOWN_MAX: Final = 1024
EXPIRES_S_MAX: Final = 7 * 24 * 3600


def read_header(request: SignedRequest) -> ClaimV4:
    """Return what the header Authorization of a request claims.

    Raises:
        S3Error: AuthorizationHeaderMalformed, or AccessDenied where there is no date.
    """
    values = request.values
    rest, _, signature = values[b"authorization"].rpartition(b"Signature=")
    who, signed_headers = _read_components(rest) if signature.isalnum() else (None, b"")
    if who is None:
        who, signed_headers, signature = _read_unusual(values[b"authorization"])
    timestamp, signed_s = _signing_time(request)
    if timestamp[:8] != who.date:
        raise refuse_header(_date_mismatch(who, timestamp))
    return ClaimV4(
        who,
        signed_headers,
        signature,
        timestamp,
        signed_s,
        None,
        values.get(b"x-amz-content-sha256", b""),
        request.text(b"x-amz-security-token"),
        query_pairs(request.query) if request.query else [],
    )


@lru_cache(maxsize=KNOWN_MAX)
def _read_components(text: bytes) -> tuple[Credential | None, bytes]:
    """Return credential and signed headers of what stands before the signature.

    A client sends the same all day long. There is no credential where the text is not that plain.
    """
    first, comma, second = text.removeprefix(ALGORITHM).partition(b",")
    credential, signed_headers = first.strip(), second.strip().removesuffix(b",").rstrip()
    if not (comma and credential.startswith(b"Credential=")) or b"," in signed_headers:
        return None, b""
    who = read_credential(credential[len(b"Credential=") :])
    name, _, names = signed_headers.partition(b"=")
    if isinstance(who, str) or name != b"SignedHeaders" or not names:
        return None, b""
    return who, names


def _read_unusual(authorization: bytes) -> tuple[Credential, bytes, bytes]:
    """Return credential, signed headers and signature in whatever order they come.

    Raises:
        S3Error: AuthorizationHeaderMalformed.
    """
    credential = signed_headers = signature = b""
    for component in authorization.removeprefix(ALGORITHM).split(b","):
        name, _, value = component.strip().partition(b"=")
        if name == b"Credential":
            credential = value
        elif name == b"SignedHeaders":
            signed_headers = value
        elif name == b"Signature":
            signature = value
        else:
            shown = component.strip().decode("latin-1")
            raise refuse_header(f'the authorization component "{shown}" is malformed.')
    if not (credential and signed_headers and signature):
        raise refuse_header(
            "the authorization header requires three components: Credential, SignedHeaders, and "
            "Signature."
        )
    who = read_credential(credential)
    if isinstance(who, str):
        raise refuse_header(who)
    return who, signed_headers, signature


def read_query(request: SignedRequest) -> ClaimV4:
    """Return what the query of a presigned request claims.

    Raises:
        S3Error: AuthorizationQueryParametersError.
    """
    pairs = query_pairs(request.query)
    found = {name: decode_query_part(value) for name, value in pairs if name[:6] == b"X-Amz-"}
    if not all(found.get(name) for name in REQUIRED_PARAMETERS):
        raise refuse_query(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters."
        )
    algorithm, credential, signature, timestamp, signed_headers, expires = (
        found[name] for name in REQUIRED_PARAMETERS
    )
    if algorithm != ALGORITHM:
        raise refuse_query('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    who = read_credential(credential)
    if isinstance(who, str):
        raise refuse_credential(who)
    signed_s = parse_iso(timestamp)
    if signed_s is None:
        form = "\"yyyyMMdd'T'HHmmss'Z'\""
        raise refuse_query(f"X-Amz-Date must be in the ISO8601 Long Format {form}")
    if timestamp[:8] != who.date:
        raise refuse_query(_date_mismatch(who, timestamp))
    token = found.get(b"X-Amz-Security-Token")
    return ClaimV4(
        who,
        signed_headers,
        signature,
        timestamp,
        signed_s,
        _read_expires(expires),
        _content_sha256(request, found),
        request.text(b"x-amz-security-token") if token is None else token.decode("latin-1"),
        [pair for pair in pairs if pair[0] != b"X-Amz-Signature"],
    )


def _content_sha256(request: SignedRequest, found: dict[bytes, bytes]) -> bytes:
    """Return x-amz-content-sha256 of a presigned request; without one the body is unsigned."""
    value = request.values.get(b"x-amz-content-sha256") or found.get(b"X-Amz-Content-Sha256")
    return value or Payload.UNSIGNED.value


def _read_expires(text: bytes) -> int:
    digits = text.removeprefix(b"-")
    if not digits.isdigit():
        raise refuse_query("X-Amz-Expires should be a number")
    if digits != text:
        raise refuse_query("X-Amz-Expires must be non-negative")
    if len(digits) > 2 * len(str(EXPIRES_S_MAX)) or int(digits) > EXPIRES_S_MAX:
        raise refuse_query(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given "
            "X-Amz-Expires must be less than 604800 seconds"
        )
    return int(digits)


def _signing_time(request: SignedRequest) -> tuple[bytes, int]:
    """Return when a request says it was signed, as it is signed and in seconds since 1970.

    Raises:
        S3Error: AccessDenied, there is no date.
    """
    stamp = request.values.get(b"x-amz-date")
    if stamp is None:
        stamp = request.values.get(b"date", b"")
        second = parse_http_date(stamp)
        if second is not None:
            return basic_iso(second), second
    second = parse_iso(stamp)
    if second is None:
        text = "AWS authentication requires a valid Date or x-amz-date header"
        raise S3Error("AccessDenied", text)
    return stamp, second


def _date_mismatch(credential: Credential, timestamp: bytes) -> str:
    return (
        f'Invalid credential date "{credential.date.decode()}". This date is not the same as '
        f'X-Amz-Date: "{timestamp[:8].decode()}".'
    )
