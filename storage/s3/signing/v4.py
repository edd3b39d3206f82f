"""AWS Signature Version 4: what a request claims, held against the clock and the secret.

Source: "Authenticating Requests (AWS Signature Version 4)" in the Amazon S3 API Reference.
`v4_reader` finds the claim in a request.
"""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import Final, NamedTuple

from storage.s3.errors import S3Error
from storage.s3.signing.credential import Credential, sign, signing_key
from storage.s3.signing.payload import EMPTY_SHA256, Payload, read_payload
from storage.s3.signing.request import SignedRequest, decode_query_part, encode_path
from storage.s3.signing.times import SKEW_S_MAX, check_skew, extended_iso

ALGORITHM: Final = b"AWS4-HMAC-SHA256"
REQUIRED_PARAMETERS: Final = tuple(
    b"X-Amz-" + name
    for name in (b"Algorithm", b"Credential", b"Signature", b"Date", b"SignedHeaders", b"Expires")
)
SIGNING_PARAMETERS: Final = frozenset(
    (*REQUIRED_PARAMETERS, b"X-Amz-Content-Sha256", b"X-Amz-Security-Token")
)


class Seed(NamedTuple):
    """What signed chunks are checked with: they form a chain that begins at the request.

    Attributes:
        signing_key: derived from the secret.
        timestamp: of the request, such as b"20130524T000000Z".
        scope: of the credential.
        signature: of the request, in hexadecimal.
    """

    signing_key: bytes
    timestamp: bytes
    scope: bytes
    signature: bytes


class ClaimV4(NamedTuple):
    """What a request says of its signature; nothing of it is proven before it was checked.

    Attributes:
        credential: whose, for what.
        signed_headers: names, joined by semicolons.
        signature: in hexadecimal.
        timestamp: when it was signed, such as b"20130524T000000Z".
        signed_s: the same in seconds since 1970.
        expires_s: for how long a presigned request holds; None where it is not presigned.
        content_sha256: x-amz-content-sha256, empty where the request has none.
        token: of the session, empty without one.
        pairs: of the query, encoded, without the signature.
    """

    credential: Credential
    signed_headers: bytes
    signature: bytes
    timestamp: bytes
    signed_s: int
    expires_s: int | None
    content_sha256: bytes
    token: str
    pairs: list[tuple[bytes, bytes]]

    @property
    def access_key(self) -> str:
        """Id of the key that is said to have signed."""
        return self.credential.access_key

    @property
    def service(self) -> str:
        """Service that the request was signed for."""
        return self.credential.service

    @property
    def payload(self) -> Payload:
        """How the body is signed."""
        return read_payload(self.content_sha256)

    def check_terms(
        self, request: SignedRequest, now_s: int, region: str, service: str = "s3"
    ) -> None:
        """Check time, place and which headers are signed.

        Args:
            request: that the claim is about.
            now_s: seconds since 1970.
            region: of this place.
            service: that was called.

        Raises:
            S3Error: RequestTimeTooSkewed; AccessDenied for a presigned request that has expired
                or is of the future, and for headers that had to be signed and are not;
                AuthorizationHeaderMalformed or AuthorizationQueryParametersError for another
                region or service; InvalidRequest or InvalidArgument for x-amz-content-sha256.
        """
        self._check_time(now_s)
        credential = self.credential
        if credential.service != service:
            belongs = f'This endpoint belongs to "{service}".'
            raise self._refuse(f'incorrect service "{credential.service}". {belongs}')
        if credential.region != region:
            reason = f"the region '{credential.region}' is wrong; expecting '{region}'"
            raise self._refuse(reason, region)
        check_signed_headers(request, self.signed_headers)
        if service == "s3":
            if not self.content_sha256:
                text = "Missing required header for this request: x-amz-content-sha256"
                raise S3Error("InvalidRequest", text)
            read_payload(self.content_sha256)

    def check_signature(
        self, request: SignedRequest, secret: str, body_sha256: bytes | None = None
    ) -> None:
        """Check the signature, in constant time.

        Args:
            request: that the claim is about.
            secret: of the access key.
            body_sha256: in hexadecimal, for services whose requests do not carry
                x-amz-content-sha256 (STS, IAM).

        Raises:
            S3Error: SignatureDoesNotMatch.
        """
        content_sha256 = body_sha256 or self.content_sha256 or EMPTY_SHA256
        canonical = self._canonical_request(request, content_sha256)
        digest = sha256(canonical).hexdigest().encode("ascii")
        text = b"\n".join((ALGORITHM, self.timestamp, self.credential.scope, digest))
        if not hmac.compare_digest(sign(secret, self.credential, text), self.signature):
            raise mismatch(self.access_key, self.signature, text, canonical)

    def hoisted(self) -> dict[bytes, bytes]:
        """Return the headers that a presigned query carries, by name in lower case.

        Signers move x-amz-* there, because who uses the URL sends no headers of his own.
        """
        if self.expires_s is None:
            return {}
        return {
            name.lower(): decode_query_part(value)
            for name, value in self.pairs
            if name[:6].lower() == b"x-amz-" and name not in SIGNING_PARAMETERS
        }

    def seed(self, secret: str) -> Seed:
        """Return what the signed chunks of the body are checked with."""
        key = signing_key(secret, self.credential)
        return Seed(key, self.timestamp, self.credential.scope, self.signature)

    def _canonical_request(self, request: SignedRequest, content_sha256: bytes) -> bytes:
        values = request.values
        return b"\n".join(
            (
                request.method.encode("ascii"),
                encode_path(request.raw_path),
                b"&".join([name + b"=" + value for name, value in sorted(self.pairs)])
                if self.pairs
                else b"",
                *[
                    name + b":" + b" ".join(values.get(name, b"").split())
                    for name in self.signed_headers.split(b";")
                ],
                b"",
                self.signed_headers,
                content_sha256,
            )
        )

    def _check_time(self, now_s: int) -> None:
        shown = self.timestamp.decode("ascii")
        if self.expires_s is None:
            check_skew(self.signed_s, shown, now_s)
        elif self.signed_s > now_s + SKEW_S_MAX:
            details: dict[str, str | int] = {"X-Amz-Date": shown}
            raise S3Error(
                "AccessDenied",
                "Request is not valid yet",
                details=details,
                ServerTime=extended_iso(now_s),
            )
        elif now_s > self.signed_s + self.expires_s:
            raise S3Error(
                "AccessDenied",
                "Request has expired",
                details={"X-Amz-Expires": self.expires_s},
                Expires=extended_iso(self.signed_s + self.expires_s),
                ServerTime=extended_iso(now_s),
            )

    def _refuse(self, reason: str, region: str = "") -> S3Error:
        is_presigned = self.expires_s is not None
        error = refuse_credential(reason) if is_presigned else refuse_header(reason)
        if region:
            error.extra["Region"] = region
        return error


def check_signed_headers(request: SignedRequest, signed_headers: bytes) -> None:
    """Refuse a request whose x-amz-* headers and host are not all signed.

    Raises:
        S3Error: AccessDenied.
    """
    signed = signed_headers.split(b";")
    missing = [
        name
        for name in request.values
        if (name.startswith(b"x-amz-") or name == b"host") and name not in signed
    ]
    if missing:
        raise S3Error(
            "AccessDenied",
            "There were headers present in the request which were not signed",
            HeadersNotSigned=b", ".join(missing).decode("latin-1"),
        )


def mismatch(access_key: str, signature: bytes, text: bytes, canonical: bytes = b"") -> S3Error:
    """Return the error for a signature that is not the one calculated.

    Args:
        access_key: id of the key.
        signature: as it was sent.
        text: that had to be signed.
        canonical: request that the text has the hash of.
    """
    extra = {
        "AWSAccessKeyId": access_key,
        "StringToSign": text.decode("utf-8", "replace"),
        "SignatureProvided": signature.decode("latin-1"),
        "StringToSignBytes": text.hex(" "),
    }
    if canonical:
        extra["CanonicalRequest"] = canonical.decode("utf-8", "replace")
        extra["CanonicalRequestBytes"] = canonical.hex(" ")
    return S3Error("SignatureDoesNotMatch", details=extra)


def refuse_header(reason: str) -> S3Error:
    """Return the error for a wrong header Authorization."""
    text = f"The authorization header is malformed; {reason}"
    return S3Error("AuthorizationHeaderMalformed", text)


def refuse_query(text: str) -> S3Error:
    """Return the error for wrong parameters of a presigned request."""
    return S3Error("AuthorizationQueryParametersError", text)


def refuse_credential(reason: str) -> S3Error:
    """Return the error for a wrong credential of a presigned request."""
    return refuse_query(f"Error parsing the X-Amz-Credential parameter; {reason}")
