"""Access control lists: canned ones, their stored form, and what they permit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.s3.acl import (
    ALL_USERS,
    AUTHENTICATED_USERS,
    GROUPS,
    LOG_DELIVERY,
    Acl,
    Grant,
    Permission,
    canned,
    format_acl,
    parse_acl,
    private,
)
from storage.s3.acl_request import GRANTS_MAX, acl_of_headers, acl_of_xml, acl_to_xml
from storage.s3.errors import S3Error
from storage.s3.xml import document, parse

ANN, BOB = "a" * 64, "b" * 64
FULL = Grant(ANN, Permission.FULL_CONTROL)
GRANTEES = st.sampled_from([ANN, BOB, *GROUPS.values()])
ACLS = st.builds(
    Acl,
    st.sampled_from([ANN, BOB]),
    st.lists(st.builds(Grant, GRANTEES, st.sampled_from(Permission)), max_size=6).map(tuple),
)


@pytest.mark.parametrize(
    ("name", "more"),
    [
        ("private", []),
        ("public-read", [Grant(ALL_USERS, Permission.READ)]),
        (
            "public-read-write",
            [Grant(ALL_USERS, Permission.READ), Grant(ALL_USERS, Permission.WRITE)],
        ),
        ("authenticated-read", [Grant(AUTHENTICATED_USERS, Permission.READ)]),
        ("bucket-owner-read", [Grant(BOB, Permission.READ)]),
        ("bucket-owner-full-control", [Grant(BOB, Permission.FULL_CONTROL)]),
        (
            "log-delivery-write",
            [Grant(LOG_DELIVERY, Permission.WRITE), Grant(LOG_DELIVERY, Permission.READ_ACP)],
        ),
    ],
)
def test_canned_lists(name: str, more: list[Grant]) -> None:
    assert canned(name, ANN, BOB) == Acl(ANN, (FULL, *more))


def test_a_bucket_owner_who_owns_the_object_is_granted_once() -> None:
    assert canned("bucket-owner-read", ANN, ANN) == private(ANN)
    assert canned("public", ANN, ANN) is None


@given(ACLS)
def test_the_stored_form_is_the_same_list(acl: Acl) -> None:
    assert parse_acl(format_acl(acl)) == acl


def test_the_stored_form_stays_as_it_is() -> None:
    acl = Acl("ann", (Grant("ann", Permission.FULL_CONTROL), Grant(ALL_USERS, Permission.READ)))
    assert format_acl(acl) == "ann F:ann R:@all"


@given(ACLS)
def test_xml_reads_what_it_wrote(acl: Acl) -> None:
    data = document("AccessControlPolicy", acl_to_xml(acl, {ANN: "ann <a&b>"}))
    assert acl_of_xml(parse(data, "AccessControlPolicy"), acl.owner) == acl


@pytest.mark.parametrize(
    ("grantee", "known", "permitted"),
    [
        (ALL_USERS, False, True),
        (ALL_USERS, True, True),
        (AUTHENTICATED_USERS, False, False),
        (AUTHENTICATED_USERS, True, True),
        (LOG_DELIVERY, True, False),
        (BOB, True, False),
    ],
)
def test_whom_a_grant_reaches(grantee: str, known: bool, permitted: bool) -> None:
    acl = Acl(ANN, (Grant(grantee, Permission.READ),))
    found = acl.permits("c" * 64 if known else "", Permission.READ, is_known=known, is_public=True)
    assert found is permitted
    assert not acl.permits("", Permission.READ, is_known=known, is_public=False)
    assert not acl.permits("", Permission.WRITE, is_known=known, is_public=True)


def code_of(headers: dict[bytes, bytes]) -> str:
    with pytest.raises(S3Error) as caught:
        acl_of_headers(headers, ANN, BOB)
    return caught.value.code


def test_headers() -> None:
    assert acl_of_headers({b"host": b"x"}, ANN, BOB) is None
    assert acl_of_headers({b"x-amz-acl": b"private"}, ANN, BOB) == private(ANN)
    granted = {
        b"x-amz-grant-read": f'id="{BOB}", uri="{ALL_USERS}"'.encode(),
        b"x-amz-grant-write-acp": f"id={ANN}".encode(),
    }
    assert acl_of_headers(granted, ANN, BOB) == Acl(
        ANN,
        (
            Grant(BOB, Permission.READ),
            Grant(ALL_USERS, Permission.READ),
            Grant(ANN, Permission.WRITE_ACP),
        ),
    )
    assert code_of({b"x-amz-acl": b"public"}) == "InvalidArgument"
    assert code_of({b"x-amz-grant-read": b"bob"}) == "InvalidArgument"
    assert code_of({b"x-amz-grant-read": b'id="_foo"'}) == "InvalidArgument"
    assert code_of({b"x-amz-grant-read": b'uri="http://x"'}) == "InvalidArgument"
    mail = b'emailAddress="bob@example.com"'
    assert code_of({b"x-amz-grant-read": mail}) == "UnresolvableGrantByEmailAddress"
    assert code_of({b"x-amz-acl": b"private", **granted}) == "InvalidRequest"
    many = b",".join([f"id={BOB}".encode()] * (GRANTS_MAX + 1))
    assert code_of({b"x-amz-grant-read": many}) == "InvalidArgument"


GRANT = f"<Grant><Grantee><ID>{BOB}</ID></Grantee><Permission>READ</Permission></Grant>"


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("", "MalformedACLError"),
        (f"<Owner><ID>{ANN}</ID></Owner>", "MalformedACLError"),
        (f"<AccessControlList>{GRANT}</AccessControlList>", "MalformedACLError"),
        (f"<Owner><ID>{BOB}</ID></Owner><AccessControlList/>", "AccessDenied"),
    ],
)
def test_documents_that_are_refused(inner: str, code: str) -> None:
    data = f"<AccessControlPolicy>{inner}</AccessControlPolicy>".encode()
    with pytest.raises(S3Error) as caught:
        acl_of_xml(parse(data, "AccessControlPolicy"), ANN)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("READ", "READS", "MalformedACLError"),
        ("<Permission>READ</Permission>", "", "MalformedACLError"),
        (f"<ID>{BOB}</ID>", "", "MalformedACLError"),
        (BOB, "_foo", "InvalidArgument"),
        (f"<ID>{BOB}</ID>", "<URI>http://x</URI>", "InvalidArgument"),
        (f"<ID>{BOB}</ID>", "<EmailAddress>b@x</EmailAddress>", "UnresolvableGrantByEmailAddress"),
    ],
)
def test_grants_that_are_refused(old: str, new: str, code: str) -> None:
    owner = f"<Owner><ID>{ANN}</ID></Owner>"
    listed = f"<AccessControlList>{GRANT.replace(old, new)}</AccessControlList>"
    data = f"<AccessControlPolicy>{owner}{listed}</AccessControlPolicy>".encode()
    with pytest.raises(S3Error) as caught:
        acl_of_xml(parse(data, "AccessControlPolicy"), ANN)
    assert caught.value.code == code
