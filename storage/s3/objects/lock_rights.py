"""Who may lock an object while it is written: more is needed than to write it."""

from __future__ import annotations

from storage.s3.authorization import Authorizer, Resource
from storage.s3.request import Request

_ACTIONS = {
    b"x-amz-object-lock-mode": "s3:PutObjectRetention",
    b"x-amz-object-lock-legal-hold": "s3:PutObjectLegalHold",
}
_HEADERS = frozenset(_ACTIONS)


async def authorize_lock(authorizer: Authorizer, request: Request) -> None:
    """Return when a write may lock what it makes, as its headers ask ("PutObject", permissions).

    Raises:
        S3Error: AccessDenied.
    """
    if _HEADERS.isdisjoint(request.headers):
        return
    resource = Resource(request.container, request.bucket, request.key)
    for header, action in _ACTIONS.items():
        if header in request.headers:
            await authorizer.authorize(request, action, resource)
