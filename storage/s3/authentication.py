"""Finds out who signed a request, and gives its body the checks that the signature asks for."""

from __future__ import annotations

from atoll.world import Clock
from storage.auth.keys import AccessKey, Keys, Sessions, TokenExpiredError
from storage.s3.body import BodyTerms
from storage.s3.errors import S3Error
from storage.s3.request import Request
from storage.s3.settings import S3Settings
from storage.s3.signing.payload import Payload, declared_payload
from storage.s3.signing.scheme import Claim, read_claim
from storage.s3.signing.v4 import ClaimV4

_NS_PER_S = 1_000_000_000


class Authentication:
    """Knows who asks.

    Args:
        keys: access keys.
        sessions: whose requests carry tokens.
        settings: region, and which signatures are taken.
        clock: physical time.
    """

    def __init__(self, keys: Keys, sessions: Sessions, settings: S3Settings, clock: Clock) -> None:
        self._keys = keys
        self._sessions = sessions
        self._allow_v2 = settings.signature_v2
        self._region = settings.region
        self._clock = clock

    async def identify(self, request: Request) -> None:
        """Check a request's signature, and set its identity, access key and body terms.

        Raises:
            S3Error: the signature is malformed, wrong, expired, or of an unknown key. A request
                without any is anonymous.
        """
        signed = request.signed
        claim = read_claim(signed, allow_v2=self._allow_v2)
        if claim is None:
            request.body_terms = BodyTerms(declared_payload(signed))
            return
        found = await find_key(self._keys, self._sessions, claim.access_key, claim.token)
        claim.check_terms(signed, self._clock.wall_ns() // _NS_PER_S, self._region)
        claim.check_signature(signed, found.secret)
        hoisted = claim.hoisted()
        if hoisted:
            request.headers = {**hoisted, **request.headers}
        request.access_key = found
        request.identity = found.identity
        request.scope["atoll"]["user"] = found.identity.user
        request.body_terms = _body_terms(claim, found.secret)


async def find_key(keys: Keys, sessions: Sessions, access_key: str, token: str) -> AccessKey:
    """Return the key that is said to have signed.

    Args:
        keys: of users.
        sessions: of users and roles.
        access_key: its id.
        token: of the session, empty without one.

    Raises:
        S3Error: InvalidAccessKeyId, InvalidToken, ExpiredToken.
    """
    if not token:
        found = await keys.find(access_key)
        if found is None:
            raise S3Error("InvalidAccessKeyId", AWSAccessKeyId=access_key)
        return found
    try:
        found = await sessions.open(access_key, token)
    except TokenExpiredError:
        raise S3Error("ExpiredToken") from None
    if found is None:
        raise S3Error("InvalidToken")
    return found


def _body_terms(claim: Claim, secret: str) -> BodyTerms:
    payload = claim.payload
    if not isinstance(claim, ClaimV4):
        return BodyTerms(payload)
    if payload is Payload.HASHED:
        return BodyTerms(payload, claim.content_sha256)
    return BodyTerms(payload, seed=claim.seed(secret) if payload.has_signed_chunks else None)
