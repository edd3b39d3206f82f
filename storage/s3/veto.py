"""What S3's rules forbid at the store's other front doors.

Each door has its own rules, and a rule of one opens nothing at another. What S3's rules close on
purpose stays closed everywhere to those whom only an access rule lets in: what a policy denies,
and to the public what the public access block is there for. Administrators of the account are not
asked: they can change both at any time.

Other doors have none of the circumstances that conditions ask for, so a denial counts here
whatever its conditions are.
"""

from __future__ import annotations

from storage.auth.authenticator import Identity
from storage.container.record import ContainerRecord
from storage.s3.access import caller_of
from storage.s3.authorization import Resource
from storage.s3.configuration import Configurations
from storage.s3.gate import POLICY, read_policy
from storage.s3.granting import block_of


class Veto:
    """Forbids at other doors.

    Args:
        configurations: documents of buckets.
    """

    def __init__(self, configurations: Configurations) -> None:
        self._configurations = configurations

    async def forbids(
        self, container: ContainerRecord, identity: Identity | None, action: str, key: str = ""
    ) -> bool:
        """Tell whether S3's rules forbid what an access rule of another door allows.

        Args:
            container: that the request is about.
            identity: who asks, if that is known.
            action: of S3 that is nearest to what is asked: "s3:GetObject".
            key: name of the object, or empty.
        """
        block = block_of(container)
        if identity is None and (block.ignore_acls or block.restrict):
            return True
        policy = await self._configurations.get(container, POLICY, read_policy)
        if policy is None:
            return False
        resource = Resource(container, container.name, key).arn
        return policy.may_deny(caller_of(identity), action, resource)
