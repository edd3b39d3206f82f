"""AWS Signature Version 2 of S3, for old tools: the header Authorization and presigned queries.

Source: "Signing and authenticating REST requests (AWS signature version 2)" in the Amazon S3 User
Guide. It covers neither the body nor the whole query, so operators may switch it off.
"""

from __future__ import annotations

import hmac
from base64 import b64encode
from typing import Final, NamedTuple

from storage.s3.errors import S3Error
from storage.s3.signing.payload import Payload, declared_payload
from storage.s3.signing.request import SignedRequest, decode_query_part, query_pairs
from storage.s3.signing.times import check_skew, extended_iso, parse_http_date, parse_iso
from storage.s3.signing.v4 import mismatch

PREFIX: Final = b"AWS "
ACCESS_KEY_PARAMETER: Final = b"AWSAccessKeyId"
EXPIRES_DIGITS_MAX: Final = 11

_HOISTED: Final = (b"content-md5", b"content-type")
_SUBRESOURCES: Final = frozenset(
    b"accelerate acl analytics cors defaultObjectAcl delete inventory lifecycle location logging "
    b"metrics notification object-lock partNumber policy replication requestPayment "
    b"response-cache-control response-content-disposition response-content-encoding "
    b"response-content-language response-content-type response-expires restore select select-type "
    b"storageClass tagging torrent uploadId uploads versionId versioning versions website".split()
)
"""Those that clients sign, which is fixed; younger sub-resources are not covered."""


class ClaimV2(NamedTuple):
    """What a request says of its signature; nothing of it is proven before it was checked.

    Attributes:
        access_key: id of the key that is said to have signed.
        signature: in Base64.
        expires: of a presigned request, in seconds since 1970, as sent; None where it is not
            presigned.
        payload: how the body comes; it is never signed.
        token: of the session, empty without one.
        pairs: of the query, decoded.
    """

    access_key: str
    signature: bytes
    expires: bytes | None
    payload: Payload
    token: str
    pairs: list[tuple[bytes, bytes]]

    @property
    def service(self) -> str:
        """Service that the request was signed for."""
        return "s3"

    def check_terms(
        self, request: SignedRequest, now_s: int, region: str, service: str = "s3"
    ) -> None:
        """Check the time; this version knows no place.

        Args:
            request: that the claim is about.
            now_s: seconds since 1970.
            region: is not part of the signature.
            service: that was called.

        Raises:
            S3Error: RequestTimeTooSkewed; AccessDenied for a presigned request that has expired,
                and for one without a date; InvalidRequest for another service than S3.
        """
        if service != "s3":
            raise S3Error("InvalidRequest", UNSUPPORTED)
        if self.expires is None:
            shown = request.values.get(b"x-amz-date", request.values.get(b"date", b""))
            sent_s = parse_iso(shown)
            sent_s = parse_http_date(shown) if sent_s is None else sent_s
            if sent_s is None:
                text = "AWS authentication requires a valid Date or x-amz-date header"
                raise S3Error("AccessDenied", text)
            check_skew(sent_s, shown.decode("latin-1"), now_s)
        elif now_s > int(self.expires):
            raise S3Error(
                "AccessDenied",
                "Request has expired",
                Expires=extended_iso(int(self.expires)),
                ServerTime=extended_iso(now_s),
            )

    def check_signature(
        self, request: SignedRequest, secret: str, body_sha256: bytes | None = None
    ) -> None:
        """Check the signature, in constant time.

        Args:
            request: that the claim is about.
            secret: of the access key.
            body_sha256: is not part of the signature.

        Raises:
            S3Error: SignatureDoesNotMatch.
        """
        text = self._string_to_sign(request, request.raw_path)
        if self._is_signature(text, secret):
            return
        if not request.host_bucket and request.raw_path.count(b"/") == 1:
            # A bucket that the path names without a slash behind it: botocore signs one there.
            slashed = self._string_to_sign(request, request.raw_path + b"/")
            if self._is_signature(slashed, secret):
                return
        raise mismatch(self.access_key, self.signature, text)

    def _is_signature(self, text: bytes, secret: str) -> bool:
        signature = b64encode(hmac.digest(secret.encode(), text, "sha1"))
        return hmac.compare_digest(signature, self.signature)

    def hoisted(self) -> dict[bytes, bytes]:
        """Return the headers that a presigned query carries, by name in lower case."""
        if self.expires is None:
            return {}
        return {
            name: value
            for name, value in self.pairs
            if name.startswith(b"x-amz-") or name in _HOISTED
        }

    def _string_to_sign(self, request: SignedRequest, path: bytes) -> bytes:
        values = {**self.hoisted(), **request.values}
        amazon = sorted(name for name in values if name.startswith(b"x-amz-"))
        date = b"" if b"x-amz-date" in values else values.get(b"date", b"")
        lines = [
            request.method.encode("ascii"),
            values.get(b"content-md5", b"").strip(),
            values.get(b"content-type", b"").strip(),
            date.strip() if self.expires is None else self.expires,
            *[name + b":" + values[name].strip() for name in amazon],
            self._resource(request, path),
        ]
        return b"\n".join(lines)

    def _resource(self, request: SignedRequest, path: bytes) -> bytes:
        bucket = b"/" + request.host_bucket if request.host_bucket else b""
        parts = [
            name + b"=" + value if value else name
            for name, value in sorted(self.pairs)
            if name in _SUBRESOURCES
        ]
        return bucket + path + (b"?" + b"&".join(parts) if parts else b"")


UNSUPPORTED: Final = (
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."
)


def read_header(request: SignedRequest) -> ClaimV2:
    """Return what the header Authorization of a request claims.

    Raises:
        S3Error: InvalidArgument, it is malformed.
    """
    value = request.values[b"authorization"].removeprefix(PREFIX)
    access_key, colon, signature = value.rpartition(b":")
    if not (access_key and colon and signature) or b" " in value:
        raise S3Error(
            "InvalidArgument",
            "AWS authorization header is invalid.  Expected AwsAccessKeyId:signature",
            ArgumentName="Authorization",
            ArgumentValue=request.text(b"authorization"),
        )
    return ClaimV2(
        access_key.decode("latin-1"),
        signature,
        None,
        declared_payload(request),
        request.text(b"x-amz-security-token"),
        _decoded_pairs(request.query),
    )


def read_query(request: SignedRequest) -> ClaimV2:
    """Return what the query of a presigned request claims.

    Raises:
        S3Error: AccessDenied, a parameter is missing or malformed.
    """
    pairs = _decoded_pairs(request.query)
    found = dict(pairs)
    access_key, signature, expires = (
        found.get(name) for name in (ACCESS_KEY_PARAMETER, b"Signature", b"Expires")
    )
    if not (access_key and signature and expires):
        raise S3Error(
            "AccessDenied",
            "Query-string authentication requires the Signature, Expires and AWSAccessKeyId "
            "parameters",
        )
    if not expires.isdigit() or len(expires) > EXPIRES_DIGITS_MAX:
        shown = expires.decode("latin-1")
        raise S3Error("AccessDenied", f"Invalid date (should be seconds since epoch): {shown}")
    token = found.get(b"x-amz-security-token")
    return ClaimV2(
        access_key.decode("latin-1"),
        signature,
        expires,
        declared_payload(request),
        request.text(b"x-amz-security-token") if token is None else token.decode("latin-1"),
        pairs,
    )


def _decoded_pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    return [
        (decode_query_part(name), decode_query_part(value)) for name, value in query_pairs(query)
    ]
