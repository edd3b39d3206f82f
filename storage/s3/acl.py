"""Access control lists: who is granted what, canned lists, and their stored form.

Pure. After "Access control list (ACL) overview" in the Amazon S3 User Guide. `acl_request` reads
lists from requests and writes them as XML.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import lru_cache
from typing import NamedTuple

ACL = "x-s3-acl"
"""The name under which a bucket's metadata and an object's system metadata keep a list."""

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
AUTHENTICATED_USERS = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers"
LOG_DELIVERY = "http://acs.amazonaws.com/groups/s3/LogDelivery"
ANONYMOUS_ID = "65a011a29cdf8ec533ec3d1ccaae921c"
"""The canonical user id that owns what nobody in particular wrote."""

ACLS_KNOWN_MAX = 4096


class Permission(Enum):
    """What a grant gives. The value is its sign in the stored form."""

    READ = "R"
    WRITE = "W"
    READ_ACP = "r"
    WRITE_ACP = "w"
    FULL_CONTROL = "F"


GROUPS = {"@all": ALL_USERS, "@auth": AUTHENTICATED_USERS, "@log": LOG_DELIVERY}
_SIGN_OF_GROUP = {uri: sign for sign, uri in GROUPS.items()}
_PUBLIC = (ALL_USERS, AUTHENTICATED_USERS)


class Grant(NamedTuple):
    """A permission and who has it.

    Attributes:
        grantee: canonical user id, or the URI of a group.
        permission: that is given.
    """

    grantee: str
    permission: Permission

    @property
    def is_to_group(self) -> bool:
        """Whether a group has it."""
        return self.grantee in _SIGN_OF_GROUP


class Acl(NamedTuple):
    """An access control list.

    Attributes:
        owner: canonical user id.
        grants: in the order given.
    """

    owner: str
    grants: tuple[Grant, ...]

    @property
    def is_public(self) -> bool:
        """Whether it grants anything to everybody, or to everybody who has an account."""
        return any(grant.grantee in _PUBLIC for grant in self.grants)

    @property
    def is_default(self) -> bool:
        """Whether it says no more than that the owner may do everything."""
        return self == private(self.owner)

    def permits(
        self, canonical_id: str, permission: Permission, *, is_known: bool, is_public: bool
    ) -> bool:
        """Tell whether somebody is granted a permission.

        Args:
            canonical_id: of the account that who asks may speak for; empty for none.
            permission: that is needed.
            is_known: who asks has an account.
            is_public: grants to the public count.
        """
        grantees = {canonical_id} if canonical_id else set[str]()
        if is_public:
            grantees.update(_PUBLIC if is_known else (ALL_USERS,))
        return any(
            grant.grantee in grantees and grant.permission in (permission, Permission.FULL_CONTROL)
            for grant in self.grants
        )


def private(owner: str) -> Acl:
    """Return the list that everything has which was given none."""
    return Acl(owner, (Grant(owner, Permission.FULL_CONTROL),))


def canned(name: str, owner: str, bucket_owner: str) -> Acl | None:
    """Return a canned list ("Canned ACL"), or nothing where none has the name.

    Args:
        name: such as "public-read".
        owner: canonical user id of who will own the bucket or object.
        bucket_owner: canonical user id of the bucket's owner.
    """
    full = Grant(owner, Permission.FULL_CONTROL)
    more: dict[str, tuple[Grant, ...]] = {
        "private": (),
        "aws-exec-read": (),
        "public-read": (Grant(ALL_USERS, Permission.READ),),
        "public-read-write": (
            Grant(ALL_USERS, Permission.READ),
            Grant(ALL_USERS, Permission.WRITE),
        ),
        "authenticated-read": (Grant(AUTHENTICATED_USERS, Permission.READ),),
        "bucket-owner-read": (Grant(bucket_owner, Permission.READ),),
        "bucket-owner-full-control": (Grant(bucket_owner, Permission.FULL_CONTROL),),
        "log-delivery-write": (
            Grant(LOG_DELIVERY, Permission.WRITE),
            Grant(LOG_DELIVERY, Permission.READ_ACP),
        ),
    }
    if name not in more:
        return None
    others = (grant for grant in more[name] if grant.grantee != owner)
    return Acl(owner, (full, *others))


def format_acl(acl: Acl) -> str:
    """Return the stored form: the owner, then "sign:grantee" for each grant."""
    return " ".join((acl.owner, *map(_format_grant, acl.grants)))


def _format_grant(grant: Grant) -> str:
    return f"{grant.permission.value}:{_SIGN_OF_GROUP.get(grant.grantee, grant.grantee)}"


@lru_cache(maxsize=ACLS_KNOWN_MAX)
def parse_acl(stored: str) -> Acl:
    """Return the list in a stored form."""
    owner, *grants = stored.split(" ")
    return Acl(owner, tuple(map(_parse_grant, grants)))


def _parse_grant(text: str) -> Grant:
    sign, _, grantee = text.partition(":")
    return Grant(GROUPS.get(grantee, grantee), Permission(sign))


def _actions(*names: str) -> Iterable[str]:
    return (f"s3:{name}" for name in names)


PERMISSION_ON_BUCKET: dict[str, Permission] = {
    **dict.fromkeys(
        _actions("ListBucket", "ListBucketVersions", "ListBucketMultipartUploads"),
        Permission.READ,
    ),
    **dict.fromkeys(
        _actions("PutObject", "DeleteObject", "AbortMultipartUpload", "ListMultipartUploadParts"),
        Permission.WRITE,
    ),
    "s3:GetBucketAcl": Permission.READ_ACP,
    "s3:PutBucketAcl": Permission.WRITE_ACP,
}
"""The actions that a bucket's list can grant, with the permission that does."""

PERMISSION_ON_OBJECT: dict[str, Permission] = {
    **dict.fromkeys(
        _actions(
            "GetObject", "GetObjectVersion", "GetObjectAttributes", "GetObjectVersionAttributes",
            "GetObjectTorrent", "GetObjectVersionTorrent",
        ),
        Permission.READ,
    ),
    **dict.fromkeys(_actions("GetObjectAcl", "GetObjectVersionAcl"), Permission.READ_ACP),
    **dict.fromkeys(_actions("PutObjectAcl", "PutObjectVersionAcl"), Permission.WRITE_ACP),
}  # fmt: skip
"""The actions that an object's list can grant, with the permission that does."""
