"""The condition keys of IAM's and STS's requests ("AWS global condition context keys")."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from storage.auth.keys import AccessKey
from storage.http.asgi import Scope
from storage.s3.iam.parameters import Parameters
from storage.s3.policy import Caller

_PARAMETERS: Mapping[str, str] = {
    "iam:policyarn": "PolicyArn",
    "sts:externalid": "ExternalId",
    "sts:rolesessionname": "RoleSessionName",
}


class ConditionKeys:
    """The condition keys of one request.

    Args:
        scope: of ASGI.
        parameters: of the request.
        key: with which it is signed.
        caller: who asks.
        now_s: in seconds since 1970.
        region: that the request came to.
    """

    def __init__(
        self,
        scope: Scope,
        parameters: Parameters,
        key: AccessKey,
        caller: Caller,
        now_s: int,
        region: str,
    ) -> None:
        client = scope.get("client")
        agents = [value for name, value in scope["headers"] if name == b"user-agent"]
        found = {
            "aws:currenttime": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now_s)),
            "aws:epochtime": str(now_s),
            "aws:principalaccount": caller.account,
            "aws:principalarn": caller.role_arn or caller.arn,
            "aws:principaltype": "AssumedRole" if caller.role_arn else "User",
            "aws:requestedregion": region,
            "aws:securetransport": "true" if scope.get("scheme") == "https" else "false",
            "aws:sourceip": "" if client is None else str(client[0]),
            "aws:useragent": agents[0].decode("latin-1") if agents else "",
            "aws:userid": key.id,
            "aws:username": "" if caller.role_arn else caller.arn.rpartition("/")[2],
        }
        for name, parameter in _PARAMETERS.items():
            found[name] = parameters.get(parameter)
        self._found = found

    def get(self, name: str, /) -> Sequence[str] | None:
        """Return a key's values, or nothing where the request does not have it."""
        value = self._found.get(name)
        return (value,) if value else None
