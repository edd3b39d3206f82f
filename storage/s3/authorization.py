"""Who may do what; the interface, and the rule that holds where a bucket says nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from storage.container.record import ContainerRecord
from storage.s3.errors import S3Error

if TYPE_CHECKING:
    from storage.s3.request import Request


class Resource(NamedTuple):
    """What something is to be done to.

    Attributes:
        container: the bucket's; nothing for the service, or a bucket that is not there.
        bucket: name, or empty.
        key: name of the object, or empty.
    """

    container: ContainerRecord | None = None
    bucket: str = ""
    key: str = ""

    @property
    def arn(self) -> str:
        """The name by which policies know it."""
        if not self.bucket:
            return "arn:aws:s3:::*"
        return (
            f"arn:aws:s3:::{self.bucket}/{self.key}" if self.key else f"arn:aws:s3:::{self.bucket}"
        )


class Authorizer(Protocol):
    """Decides whether a request may do something."""

    async def authorize(self, request: Request, action: str, resource: Resource) -> None:
        """Return when it may.

        Args:
            request: who asks, and how.
            action: as policies name it: "s3:GetObject".
            resource: to which it is to be done.

        Raises:
            S3Error: AccessDenied.
        """


class OwnerOnly:
    """An authorizer: administrators of the bucket's account may do all, others nothing."""

    async def authorize(self, request: Request, action: str, resource: Resource) -> None:
        """Return when the request may do it; see `Authorizer`."""
        identity = request.identity
        if identity is not None:
            container = resource.container
            account = identity.account if container is None else container.account
            if account in identity.groups or identity.is_reseller_admin:
                return
        raise S3Error("AccessDenied")
