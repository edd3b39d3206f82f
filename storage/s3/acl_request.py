"""Access control lists as requests and responses carry them: in headers and in XML."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping

from storage.s3.acl import GROUPS, Acl, Grant, Permission, canned
from storage.s3.errors import S3Error
from storage.s3.xml import INSTANCE_NAMESPACE, Content, Element, Fragment, element

GRANTS_MAX = 100
_HEADERS = {
    b"x-amz-grant-full-control": Permission.FULL_CONTROL,
    b"x-amz-grant-read": Permission.READ,
    b"x-amz-grant-read-acp": Permission.READ_ACP,
    b"x-amz-grant-write": Permission.WRITE,
    b"x-amz-grant-write-acp": Permission.WRITE_ACP,
}
_CANNED = b"x-amz-acl"
ACL_HEADERS = frozenset((_CANNED, *_HEADERS))
_GRANTEE = re.compile(r'\s*(id|uri|emailAddress)\s*=\s*"?([^",]*)"?\s*')
_CANONICAL_ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")
_URIS = frozenset(GROUPS.values())


def acl_of_headers(headers: Mapping[bytes, bytes], owner: str, bucket_owner: str) -> Acl | None:
    """Return the list that the headers of a request give, or nothing where they give none.

    Args:
        headers: of the request.
        owner: canonical user id of who will own the bucket or object.
        bucket_owner: canonical user id of the bucket's owner.

    Raises:
        S3Error: InvalidArgument, InvalidRequest or UnresolvableGrantByEmailAddress.
    """
    if headers.keys().isdisjoint(ACL_HEADERS):
        return None
    grants = tuple(_grants_of(headers))
    name = headers.get(_CANNED, b"").decode("latin-1")
    if not name:
        return _checked(Acl(owner, grants))
    if grants:
        message = "Specifying both Canned ACLs and Header Grants is not allowed"
        raise S3Error("InvalidRequest", message)
    found = canned(name, owner, bucket_owner)
    if found is None:
        raise S3Error("InvalidArgument", ArgumentName="x-amz-acl", ArgumentValue=name)
    return found


def _grants_of(headers: Mapping[bytes, bytes]) -> Iterator[Grant]:
    for name, permission in _HEADERS.items():
        value = headers.get(name)
        if value is None:
            continue
        for item in value.decode("latin-1").split(","):
            found = _GRANTEE.fullmatch(item)
            if found is None:
                raise S3Error(
                    "InvalidArgument",
                    "Argument format not recognized",
                    ArgumentName=name.decode(),
                    ArgumentValue=item,
                )
            yield Grant(_grantee(found[1], found[2]), permission)


def _grantee(kind: str, value: str) -> str:
    """Return a grantee that there can be.

    Raises:
        S3Error: InvalidArgument or UnresolvableGrantByEmailAddress.
    """
    if kind == "emailAddress":
        raise S3Error("UnresolvableGrantByEmailAddress")
    if kind == "uri":
        if value not in _URIS:
            raise S3Error(
                "InvalidArgument", "Invalid group uri", ArgumentName="uri", ArgumentValue=value
            )
    elif not _CANONICAL_ID.fullmatch(value):
        raise S3Error(
            "InvalidArgument", "Invalid id", ArgumentName="CanonicalUser/ID", ArgumentValue=value
        )
    return value


def _checked(acl: Acl) -> Acl:
    if len(acl.grants) > GRANTS_MAX:
        message = f"The maximum number of grants is {GRANTS_MAX}"
        raise S3Error("InvalidArgument", message)
    return acl


def acl_of_xml(policy: Element, owner: str) -> Acl:
    """Return the list in a document AccessControlPolicy.

    Args:
        policy: the document.
        owner: canonical user id of the bucket's or object's owner, which no list can change.

    Raises:
        S3Error: MalformedACLError, AccessDenied for another owner, or what `_grantee` raises.
    """
    named, listed = policy.find("Owner"), policy.find("AccessControlList")
    if named is None or listed is None:
        raise S3Error("MalformedACLError")
    if (named.value("ID") or "").strip() != owner:
        raise S3Error("AccessDenied")
    return _checked(Acl(owner, tuple(map(_grant_of_xml, listed))))


def _grant_of_xml(grant: Element) -> Grant:
    grantee, name = grant.find("Grantee"), grant.value("Permission") or ""
    if grant.name != "Grant" or grantee is None or name not in Permission.__members__:
        raise S3Error("MalformedACLError")
    kinds = (("ID", "id"), ("URI", "uri"), ("EmailAddress", "emailAddress"))
    given = [(kind, grantee.value(tag)) for tag, kind in kinds]
    for kind, value in given:
        if value is not None:
            return Grant(_grantee(kind, value.strip()), Permission[name])
    raise S3Error("MalformedACLError")


def acl_to_xml(acl: Acl, names: Mapping[str, str]) -> Content:
    """Return the content of a document AccessControlPolicy.

    Args:
        acl: the list.
        names: for display, by canonical user id; where one is unknown it is left out, as AWS
            leaves out all of them since 2025.
    """
    return (
        ("Owner", _user(acl.owner, names)),
        ("AccessControlList", Fragment("".join(_grants_to_xml(acl.grants, names)))),
    )


def _user(canonical_id: str, names: Mapping[str, str]) -> Iterable[tuple[str, Content]]:
    return ("ID", canonical_id), ("DisplayName", names.get(canonical_id))


def _grants_to_xml(grants: Iterable[Grant], names: Mapping[str, str]) -> Iterator[str]:
    for grant in grants:
        kind = "Group" if grant.is_to_group else "CanonicalUser"
        content: Content = (("URI", grant.grantee),)
        if not grant.is_to_group:
            content = _user(grant.grantee, names)
        attributes = {"xmlns:xsi": INSTANCE_NAMESPACE, "xsi:type": kind}
        grantee = element("Grantee", content, attributes)
        yield element("Grant", Fragment(grantee + element("Permission", grant.permission.name)))
