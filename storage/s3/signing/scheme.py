"""How a request is signed, if at all; the entrance to this package.

claim = read_claim(request, allow_v2=True)      # None: anonymous
claim.check_terms(request, now_s, region)
claim.check_signature(request, secret_of(claim.access_key))
headers = {**claim.hoisted(), **request.values}
"""

from __future__ import annotations

from typing import Final, Protocol

from storage.s3.errors import S3Error
from storage.s3.signing import v2, v4_reader
from storage.s3.signing.payload import Payload
from storage.s3.signing.request import SignedRequest
from storage.s3.signing.v4 import ALGORITHM

_V4_PARAMETERS: Final = frozenset((b"X-Amz-Algorithm", b"X-Amz-Credential", b"X-Amz-Signature"))


class Claim(Protocol):
    """What a request says of its signature: a `ClaimV4` or a `ClaimV2`."""

    @property
    def access_key(self) -> str:
        """Id of the key that is said to have signed."""

    @property
    def token(self) -> str:
        """The session's, empty without one."""

    @property
    def service(self) -> str:
        """Service that the request was signed for, such as "s3" or "sts"."""

    @property
    def payload(self) -> Payload:
        """How the body is signed."""

    def hoisted(self) -> dict[bytes, bytes]:
        """Return the headers that a presigned query carries, by name in lower case."""

    def check_terms(
        self, request: SignedRequest, now_s: int, region: str, service: str = "s3"
    ) -> None:
        """Check time, place and which headers are signed; raises S3Error."""

    def check_signature(
        self, request: SignedRequest, secret: str, body_sha256: bytes | None = None
    ) -> None:
        """Check the signature, in constant time; raises S3Error."""


def read_claim(request: SignedRequest, *, allow_v2: bool) -> Claim | None:
    """Return what a request says of its signature, or nothing where it is anonymous.

    Args:
        request: as received.
        allow_v2: whether Signature Version 2 is taken.

    Raises:
        S3Error: it is malformed, of two kinds at once, or of a kind that is not supported.
    """
    authorization = request.values.get(b"authorization")
    names = _parameter_names(request.query)
    is_v4_query = not _V4_PARAMETERS.isdisjoint(names)
    is_v2_query = v2.ACCESS_KEY_PARAMETER in names
    if (authorization is not None) + is_v4_query + is_v2_query > 1:
        raise _refuse(
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature "
            "query string parameter or the Authorization header should be specified",
            authorization or b"",
        )
    if is_v4_query:
        return v4_reader.read_query(request)
    if authorization is None and not is_v2_query:
        return None
    if authorization is None or authorization.startswith(v2.PREFIX):
        if not allow_v2:
            raise S3Error("InvalidRequest", v2.UNSUPPORTED)
        return v2.read_query(request) if authorization is None else v2.read_header(request)
    mechanism, space, rest = authorization.partition(b" ")
    if mechanism == ALGORITHM and rest.strip():
        return v4_reader.read_header(request)
    if mechanism.startswith(b"AWS4-") and mechanism != ALGORITHM:
        raise S3Error("InvalidRequest", v2.UNSUPPORTED)  # Version 4A, and what may come
    if space and rest.strip():
        raise _refuse("Unsupported Authorization Type", authorization)
    raise _refuse(
        "Authorization header is invalid -- one and only one ' ' (space) required", authorization
    )


def _parameter_names(query: bytes) -> frozenset[bytes]:
    if b"X-Amz-" not in query and v2.ACCESS_KEY_PARAMETER not in query:
        return frozenset()
    return frozenset(part.partition(b"=")[0] for part in query.split(b"&"))


def _refuse(text: str, authorization: bytes) -> S3Error:
    shown = authorization.decode("latin-1")
    return S3Error("InvalidArgument", text, ArgumentName="Authorization", ArgumentValue=shown)
