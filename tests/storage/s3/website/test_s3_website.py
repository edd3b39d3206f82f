"""Buckets as websites: their document, and how they are served."""

from __future__ import annotations

from typing import Any

import pytest
from bucket_steps import BUCKET, make_bucket, refused, set_policy
from s3_harness import S3, Answer, Client

from storage.s3.errors import S3Error
from storage.s3.website.configuration import parse_website

HOST = f"{BUCKET}.s3-website.localhost"


async def get(s3: S3, path: str, method: str = "GET", **headers: str) -> Answer:
    return await s3.anonymous.request(method, path, headers=headers, host=HOST)


async def set_site(client: Client, **fields: Any) -> None:
    given = {"IndexDocument": {"Suffix": "index.html"}, **fields}
    site = {name: value for name, value in given.items() if value is not None}
    await client.call("PutBucketWebsite", Bucket=BUCKET, WebsiteConfiguration=site)


async def make_site(client: Client, *keys: str, **fields: Any) -> None:
    await make_bucket(client, *keys)
    await set_policy(client, {"Action": ["s3:GetObject", "s3:ListBucket"]})
    await set_site(client, **fields)


async def test_a_site_is_set_shown_and_removed(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    missing = "NoSuchWebsiteConfiguration"
    assert await refused(tester, "GetBucketWebsite", Bucket=BUCKET) == missing
    fields: dict[str, Any] = {
        "ErrorDocument": {"Key": "error.html"},
        "RoutingRules": [
            {
                "Condition": {"KeyPrefixEquals": "docs/"},
                "Redirect": {"ReplaceKeyPrefixWith": "documents/", "HttpRedirectCode": "302"},
            }
        ],
    }
    await set_site(tester, **fields)
    found = await tester.call("GetBucketWebsite", Bucket=BUCKET)
    del found["ResponseMetadata"]
    assert found == {"IndexDocument": {"Suffix": "index.html"}, **fields}
    await tester.call("DeleteBucketWebsite", Bucket=BUCKET)
    assert await refused(tester, "GetBucketWebsite", Bucket=BUCKET) == missing
    answer = await get(s3, "/")
    assert (answer.status, answer["x-amz-error-code"]) == (404, missing)


async def test_folders_have_an_index(s3: S3, tester: Client) -> None:
    await make_site(tester, "index.html", "docs/index.html", "docs/a b.html")
    assert (await get(s3, "/")).body == b"index.html"
    assert (await get(s3, "/docs/")).body == b"docs/index.html"
    assert (await get(s3, "/docs/a%20b.html")).body == b"docs/a b.html"
    answer = await get(s3, "/docs")
    assert (answer.status, answer["location"]) == (302, "/docs/")
    answer = await get(s3, "/index.html", Range="bytes=0-4")
    assert (answer.status, answer.body) == (206, b"index")
    answer = await get(s3, "/", "HEAD")
    assert (answer.status, answer["content-length"]) == (200, "10")
    etag = answer["etag"]
    assert (await get(s3, "/", **{"If-None-Match": etag})).status == 304


async def test_errors_are_pages(s3: S3, tester: Client) -> None:
    await make_site(tester, "index.html")
    answer = await get(s3, "/<nothing>".replace("<", "%3C").replace(">", "%3E"))
    assert (answer.status, answer["content-type"]) == (404, "text/html; charset=utf-8")
    assert b"<li>Code: NoSuchKey</li>" in answer.body
    assert b"<li>Key: &lt;nothing&gt;</li>" in answer.body
    answer = await get(s3, "/", "DELETE")
    assert (answer.status, answer["x-amz-error-code"]) == (405, "MethodNotAllowed")
    answer = await get(s3, "/", **{"If-Match": '"other"'})
    assert answer.status == 412
    answer = await s3.anonymous.request("GET", "/", host="nothing.s3-website.localhost")
    assert (answer.status, answer["x-amz-error-code"]) == (404, "NoSuchBucket")


async def test_the_error_document_has_the_errors_status(s3: S3, tester: Client) -> None:
    await make_site(tester, "index.html", "error.html", ErrorDocument={"Key": "error.html"})
    answer = await get(s3, "/nothing")
    assert (answer.status, answer.body) == (404, b"error.html")
    await tester.call("PutObject", Bucket=BUCKET, Key="error.html", Body=b"e" * 5000)
    answer = await get(s3, "/nothing")
    assert (answer.status, answer.body) == (404, b"e" * 5000)
    answer = await get(s3, "/nothing", "HEAD")
    assert (answer.status, answer["content-length"]) == (404, "5000")
    await tester.call("DeleteObject", Bucket=BUCKET, Key="error.html")
    assert b"NoSuchKey" in (await get(s3, "/nothing")).body


async def test_a_site_shows_only_what_anybody_may_read(s3: S3, tester: Client) -> None:
    await make_bucket(tester, "index.html", "error.html")
    await set_site(tester, ErrorDocument={"Key": "error.html"})
    answer = await get(s3, "/")
    assert (answer.status, answer["x-amz-error-code"]) == (403, "AccessDenied")
    assert (await get(s3, "/nothing")).status == 403
    await tester.call("PutObject", Bucket=BUCKET, Key="index.html", ACL="public-read")
    assert (await get(s3, "/")).status == 200


async def test_redirects(s3: S3, tester: Client) -> None:
    rules = [
        {
            "Condition": {"KeyPrefixEquals": "docs/"},
            "Redirect": {"ReplaceKeyPrefixWith": "documents/", "HttpRedirectCode": "302"},
        },
        {
            "Condition": {"HttpErrorCodeReturnedEquals": "404", "KeyPrefixEquals": "old"},
            "Redirect": {"HostName": "old.example", "Protocol": "https", "ReplaceKeyWith": "a b"},
        },
    ]
    await make_site(tester, "index.html", "older.html", RoutingRules=rules)
    answer = await get(s3, "/docs/x?y=1".partition("?")[0])
    assert (answer.status, answer["location"]) == (302, f"http://{HOST}/documents/x")
    answer = await get(s3, "/old.html")
    assert (answer.status, answer["location"]) == (301, "https://old.example/a%20b")
    assert (await get(s3, "/older.html")).status == 200
    assert (await get(s3, "/new.html")).status == 404
    await tester.call(
        "PutObject", Bucket=BUCKET, Key="moved", WebsiteRedirectLocation="/index.html"
    )
    answer = await get(s3, "/moved")
    assert (answer.status, answer["location"]) == (301, "/index.html")
    everywhere = {"HostName": "new.example", "Protocol": "https"}
    await set_site(tester, IndexDocument=None, RedirectAllRequestsTo=everywhere)
    answer = await get(s3, "/any/thing")
    assert (answer.status, answer["location"]) == (301, "https://new.example/any/thing")


async def test_a_site_knows_no_parameters(s3: S3, tester: Client) -> None:
    await make_site(tester, "index.html")
    answer = await s3.anonymous.request("GET", "/", "acl&response-expires=x", host=HOST)
    assert (answer.status, answer.body) == (200, b"index.html")


def document(inner: str) -> bytes:
    return f"<WebsiteConfiguration>{inner}</WebsiteConfiguration>".encode()


def ruled(redirect: str, condition: str = "") -> bytes:
    rule = f"<RoutingRule>{condition}<Redirect>{redirect}</Redirect></RoutingRule>"
    return document(f"{INDEX}<RoutingRules>{rule}</RoutingRules>")


INDEX = "<IndexDocument><Suffix>i</Suffix></IndexDocument>"
ALL = "<RedirectAllRequestsTo><HostName>h</HostName></RedirectAllRequestsTo>"
HOST_NAME = "<HostName>h</HostName>"
ERROR_200 = "<HttpErrorCodeReturnedEquals>200</HttpErrorCodeReturnedEquals>"
BOTH_KEYS = "<ReplaceKeyWith>a</ReplaceKeyWith><ReplaceKeyPrefixWith>b</ReplaceKeyPrefixWith>"


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (document(""), "InvalidArgument"),
        (document("<Other/>"), "MalformedXML"),
        (document(INDEX.replace("i<", "a/b<")), "InvalidArgument"),
        (document(INDEX.replace("i<", "<")), "InvalidArgument"),
        (document(INDEX + "<ErrorDocument><Key/></ErrorDocument>"), "InvalidArgument"),
        (document(INDEX + ALL), "InvalidRequest"),
        (document(ALL.replace("h<", "<")), "MalformedXML"),
        (document(ALL.replace("h<", "a\nb<")), "MalformedXML"),
        (document(ALL + ALL), "MalformedXML"),
        (ruled(""), "MalformedXML"),
        (ruled(HOST_NAME, "<Condition/>"), "InvalidRequest"),
        (ruled(HOST_NAME, f"<Condition>{ERROR_200}</Condition>"), "InvalidRequest"),
        (ruled("<HttpRedirectCode>300</HttpRedirectCode>"), "InvalidRequest"),
        (ruled("<Protocol>ftp</Protocol>"), "InvalidRequest"),
        (ruled(BOTH_KEYS), "InvalidRequest"),
    ],
)
def test_documents_that_are_refused(data: bytes, code: str) -> None:
    with pytest.raises(S3Error) as caught:
        parse_website(data)
    assert caught.value.code == code
