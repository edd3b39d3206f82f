"""Who may do what: the interface; `gate` implements it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

from storage.container.record import ContainerRecord

if TYPE_CHECKING:
    from storage.s3.request import Request


class Resource(NamedTuple):
    """What something is to be done to.

    Attributes:
        container: the bucket's; nothing for the service, or a bucket that is not there.
        bucket: name, or empty.
        key: name of the object, or empty.
        version: of the object, where one is named.
    """

    container: ContainerRecord | None = None
    bucket: str = ""
    key: str = ""
    version: bytes | None = None

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
