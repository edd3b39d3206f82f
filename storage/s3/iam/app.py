"""The ASGI application: AWS's Query protocol for IAM and STS, at the path "/"."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from atoll.log import get_logger, request_id
from atoll.world import World
from storage.auth.keys import AccessKey
from storage.auth.users_file import User as FixedUser
from storage.http.asgi import Receive, Scope, Send
from storage.proxy.errors import BodyIncompleteError, StoreError
from storage.s3.authentication import find_key
from storage.s3.body import UNSIGNED, read_body
from storage.s3.errors import S3Error
from storage.s3.iam.authorization import caller_of_key, may_call
from storage.s3.iam.call import Call, Fields
from storage.s3.iam.condition_keys import ConditionKeys
from storage.s3.iam.errors import IamError
from storage.s3.iam.fixed_users import FixedUsers
from storage.s3.iam.limits import BODY_BYTES_MAX
from storage.s3.iam.model import Directory
from storage.s3.iam.operations import OPERATIONS, Operation
from storage.s3.iam.parameters import Parameters, read_form
from storage.s3.iam.principals import Principals
from storage.s3.iam.response import (
    IAM_VERSION,
    NAMESPACES,
    STS_VERSION,
    answer_document,
    error_document,
)
from storage.s3.iam.store import DirectoryStore
from storage.s3.iam.sts import Ask, Sts
from storage.s3.ids import RequestIds
from storage.s3.owner import display_name
from storage.s3.settings import S3Settings
from storage.s3.signing.request import SignedRequest
from storage.s3.signing.scheme import read_claim
from storage.s3.signing.v4 import ClaimV4

GLOBAL_REGION: Final = "us-east-1"
"""IAM is the same everywhere, and clients sign for it as if it were there."""

_NS_PER_S: Final = 1_000_000_000
_CODE_OF_S3_ERROR: Final = {
    "ExpiredToken": "ExpiredToken",
    "InvalidAccessKeyId": "InvalidClientTokenId",
    "InvalidToken": "InvalidClientTokenId",
    "RequestTimeTooSkewed": "SignatureDoesNotMatch",
    "SignatureDoesNotMatch": "SignatureDoesNotMatch",
    "AccessDenied": "SignatureDoesNotMatch",  # of a presigned request that has expired
}
"""What IAM calls the errors of signatures; all others are IncompleteSignature."""

log = get_logger(part="iam")


class IamApp:
    """IAM and STS.

    Args:
        principals: knows keys and sessions.
        directories: of IAM.
        users: in the file of users, by name.
        settings: the region.
        world: clock and randomness.
    """

    def __init__(
        self,
        principals: Principals,
        directories: DirectoryStore,
        users: Mapping[str, FixedUser],
        settings: S3Settings,
        world: World,
    ) -> None:
        self._principals = principals
        self._directories = directories
        self._fixed = FixedUsers(users.values())
        self._sts = Sts(directories, principals.tokens)
        self._regions = (settings.region, GLOBAL_REGION)
        self._world = world
        self._ids = RequestIds(world)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request (ASGI 3, http).

        On cancel: the outcome of a change is unknown; never half of one.
        """
        drawn = self._ids.draw()
        request_id.set(drawn)
        scope["atoll"] = {"request_id": drawn}
        version = IAM_VERSION
        try:
            parameters, body = await _read(scope, receive)
            if parameters.get("Version") in NAMESPACES:
                version = parameters.get("Version")
            action = parameters.get("Action")
            result = await self._answer(scope, parameters, body, version)
            status, document = 200, answer_document(action, version, result, drawn)
        except ConnectionError:
            raise  # there is nobody to answer to
        except Exception as error:
            told = _explain(error)
            if told.status >= 500:
                log.error("request failed", error, status=told.status)
            status, document = told.status, error_document(told, version, drawn)
        await self._respond(send, status, document, drawn)

    async def _answer(
        self, scope: Scope, parameters: Parameters, body: bytes, version: str
    ) -> Fields:
        service = "sts" if version == STS_VERSION else "iam"
        key, is_session = await self._identify(scope, body, service)
        scope["atoll"]["user"] = key.identity.user
        action = parameters.get("Action")
        if not action:
            raise IamError("MissingAction", "The request must have an Action.")
        now_s = self._now_s()
        caller = caller_of_key(key)
        keys = ConditionKeys(scope, parameters, key, caller, now_s, self._regions[0])
        if service == "sts" and action in self._sts.handlers:
            return await self._sts.handlers[action](Ask(parameters, key, is_session, keys, now_s))
        operation = OPERATIONS.get(action) if service == "iam" else None
        if operation is None:
            shown = f"{action[:64]} for version {parameters.get('Version')[:32]}"
            raise IamError("InvalidAction", f"Could not find operation {shown}")
        account = key.identity.account
        snapshot = await self._directories.get(account)
        call = self._call(parameters, key, snapshot.directory, now_s)
        resource = operation.resource(call)
        if not may_call(key, f"iam:{action}", resource, keys):
            who = f"User: {caller.arn} is not authorized to perform: iam:{action}"
            raise IamError("AccessDenied", f"{who} on resource: {resource}")
        if operation.is_write:
            return await self._change(operation, parameters, key, now_s)
        return operation.handler(call)

    async def _change(
        self, operation: Operation, parameters: Parameters, key: AccessKey, now_s: int
    ) -> Fields:
        """Answer an operation that writes.

        On cancel: it may have happened; an access key of which nobody learnt may be there.
        """
        account = key.identity.account

        def work(directory: Directory) -> tuple[Call, Fields]:
            call = self._call(parameters, key, directory, now_s)
            return call, operation.handler(call)

        call, result = await self._directories.change(account, work)
        for made in call.made_keys:
            await self._directories.add_key(made, account)
        for gone in call.gone_keys:
            await self._directories.remove_key(gone)
        return result

    def _call(
        self, parameters: Parameters, key: AccessKey, directory: Directory, now_s: int
    ) -> Call:
        account = key.identity.account
        fixed = self._fixed.of(account)
        is_user = not key.arn
        return Call(
            parameters,
            display_name(account),
            caller_of_key(key).arn.rpartition("/")[2] if is_user else "",
            directory,
            fixed.users,
            fixed.keys,
            now_s,
            self._world.random,
            self._principals.sealer,
        )

    async def _identify(self, scope: Scope, body: bytes, service: str) -> tuple[AccessKey, bool]:
        """Return the key that signed a request, and whether it is that of a session.

        Raises:
            IamError: MissingAuthenticationToken.
            S3Error: the signature is malformed, wrong, expired, or of an unknown key.
        """
        method, path, query = scope["method"], scope["raw_path"], scope["query_string"]
        signed = SignedRequest(method, path, query, scope["headers"])
        claim = read_claim(signed, allow_v2=False)
        if not isinstance(claim, ClaimV4):
            message = "Request is missing Authentication Token"
            raise IamError("MissingAuthenticationToken", message)
        key = await find_key(self._principals, self._principals, claim.access_key, claim.token)
        region = claim.credential.region
        if region not in self._regions:
            region = self._regions[0]
        claim.check_terms(signed, self._now_s(), region, service)
        digest = sha256(body).hexdigest().encode("ascii")
        claim.check_signature(signed, key.secret, digest)
        return key, bool(claim.token)

    async def _respond(self, send: Send, status: int, document: bytes, drawn: str) -> None:
        headers = [
            (b"x-amzn-requestid", drawn.encode("ascii")),
            (b"content-type", b"text/xml"),
            (b"content-length", str(len(document)).encode("ascii")),
            (b"server", b"Atoll"),
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": document})

    def _now_s(self) -> int:
        return self._world.clock.wall_ns() // _NS_PER_S


async def _read(scope: Scope, receive: Receive) -> tuple[Parameters, bytes]:
    """Return a request's parameters and its body.

    Raises:
        IamError: RequestEntityTooLarge, MalformedQueryString.
        BodyIncompleteError: the body broke off.
    """
    body = read_body(receive, dict(scope["headers"]), UNSIGNED)
    pieces, left_bytes = [], BODY_BYTES_MAX
    while piece := await body.receive():
        left_bytes -= len(piece)
        if left_bytes < 0:
            message = f"The request must not be longer than {BODY_BYTES_MAX} bytes."
            raise IamError("RequestEntityTooLarge", message)
        pieces.append(piece)
    whole = b"".join(pieces)
    return read_form(scope["query_string"], whole), whole


def _explain(error: Exception) -> IamError:
    """Return what a client is told of an error."""
    if isinstance(error, IamError):
        return error
    if isinstance(error, S3Error):
        code = _CODE_OF_S3_ERROR.get(error.code, "IncompleteSignature")
        return IamError(code, error.message)
    if isinstance(error, BodyIncompleteError):
        return IamError("IncompleteSignature", "The body broke off.")
    if isinstance(error, StoreError):
        return IamError("ServiceUnavailable", "The request has failed; try again.")
    return IamError("InternalFailure", "The request has failed because of an unknown error.")
