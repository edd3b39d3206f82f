"""Cross-origin rules (ceph/s3-tests: cors_*)."""

from __future__ import annotations

from typing import Any

import pytest
from bucket_steps import BUCKET, make_bucket, refused
from s3_harness import S3, Answer, Client

HOST = {"host": "s3.localhost"}


async def set_rules(tester: Client, *rules: dict[str, Any]) -> None:
    await tester.call("PutBucketCors", Bucket=BUCKET, CORSConfiguration={"CORSRules": list(rules)})


def rule(*origins: str, **more: Any) -> dict[str, Any]:
    return {"AllowedMethods": ["GET"], "AllowedOrigins": list(origins), **more}


async def test_rules_are_set_shown_and_removed(tester: Client) -> None:
    await make_bucket(tester)
    code = await refused(tester, "GetBucketCors", Bucket=BUCKET)
    assert code == "NoSuchCORSConfiguration"
    rules = [
        rule("*.get", "*.put", AllowedMethods=["GET", "PUT"], MaxAgeSeconds=3000),
        rule("*", ID="all", AllowedHeaders=["x-*"], ExposeHeaders=["x-amz-meta-a"]),
    ]
    await set_rules(tester, *rules)
    assert (await tester.call("GetBucketCors", Bucket=BUCKET))["CORSRules"] == rules
    await tester.call("DeleteBucketCors", Bucket=BUCKET)
    code = await refused(tester, "GetBucketCors", Bucket=BUCKET)
    assert code == "NoSuchCORSConfiguration"


METHOD, ORIGIN = "<AllowedMethod>GET</AllowedMethod>", "<AllowedOrigin>*</AllowedOrigin>"


@pytest.mark.parametrize(
    ("inner", "code"),
    [
        ("", "MalformedXML"),
        ("<CORSRule/>", "MalformedXML"),
        (f"<CORSRule>{METHOD}</CORSRule>", "MalformedXML"),
        (f"<CORSRule>{METHOD}{ORIGIN}<Extra/></CORSRule>", "MalformedXML"),
        (f"<CORSRule>{METHOD.replace('GET', 'PATCH')}{ORIGIN}</CORSRule>", "InvalidRequest"),
        (f"<CORSRule>{METHOD}{ORIGIN.replace('*', '*a*')}</CORSRule>", "InvalidRequest"),
        (
            f"<CORSRule>{METHOD}{ORIGIN}<MaxAgeSeconds>-1</MaxAgeSeconds></CORSRule>",
            "MalformedXML",
        ),
    ],
)
async def test_rules_that_are_refused(tester: Client, inner: str, code: str) -> None:
    await make_bucket(tester)
    body = f"<CORSConfiguration>{inner}</CORSConfiguration>".encode()
    answer = await tester.request("PUT", f"/{BUCKET}", "cors", body=body)
    assert (answer.status, answer.code) == (400, code)


ORIGINS = [
    ("foo.suffix", "foo.suffix"),
    ("foo.bar", None),
    ("foo.suffix.get", None),
    ("startend", "startend"),
    ("start1end", "start1end"),
    ("start12end", "start12end"),
    ("0start12end", None),
    ("prefix", "prefix"),
    ("prefix.suffix", "prefix.suffix"),
    ("bla.prefix", None),
    ("aba", None),
    ("ababa", None),
    ("abaaba", "abaaba"),
]


@pytest.mark.parametrize(("origin", "allowed"), ORIGINS)
async def test_which_origins_a_rule_means(
    s3: S3, tester: Client, origin: str, allowed: str | None
) -> None:
    await make_bucket(tester, ACL="public-read")
    await set_rules(tester, rule("*suffix"), rule("start*end", "aba*aba"), rule("prefix*"))
    answer = await s3.anonymous.request("GET", f"/{BUCKET}", headers={"origin": origin})
    assert answer.status == 200
    assert answer.get("access-control-allow-origin") == allowed
    assert answer.get("access-control-allow-methods") == (allowed and "GET")
    refusal = await s3.anonymous.request("GET", f"/{BUCKET}/x", headers={"origin": origin})
    assert refusal.status == 404
    assert refusal.get("access-control-allow-origin") == allowed
    wrong = await s3.anonymous.request("PUT", f"/{BUCKET}/x", headers={"origin": origin})
    assert (wrong.status, wrong.get("access-control-allow-origin")) == (403, None)


async def preflight(s3: S3, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await s3.anonymous.request("OPTIONS", f"/{BUCKET}/key", headers=named)


async def test_preflights(s3: S3, tester: Client) -> None:
    await make_bucket(tester)
    asked = {"origin": "http://a", "access_control_request_method": "GET"}
    answer = await preflight(s3, **asked)
    assert (answer.status, answer.code) == (403, "AccessForbidden")
    await set_rules(
        tester,
        rule("http://a", AllowedHeaders=["x-*"], ExposeHeaders=["etag"], MaxAgeSeconds=9),
        rule("*", AllowedMethods=["PUT"]),
    )
    answer = await preflight(s3, **asked, access_control_request_headers="X-One, x-two")
    assert answer.status == 200
    assert answer["access-control-allow-origin"] == "http://a"
    assert answer["access-control-allow-headers"] == "x-one, x-two"
    assert answer["access-control-expose-headers"] == "etag"
    assert answer["access-control-max-age"] == "9"
    assert answer["access-control-allow-credentials"] == "true"
    assert "Origin" in answer["vary"]
    assert (await preflight(s3, **asked, access_control_request_headers="a")).status == 403
    answer = await preflight(s3, origin="http://b", access_control_request_method="PUT")
    assert answer["access-control-allow-origin"] == "*"
    assert answer.get("access-control-allow-credentials") is None
    assert (await preflight(s3, origin="http://b")).status == 400
    assert (await preflight(s3, access_control_request_method="GET")).status == 400
    wrong = {"origin": "http://b", "access_control_request_method": "TRACE"}
    assert (await preflight(s3, **wrong)).status == 400
    assert (await s3.anonymous.request("OPTIONS", "/nothing/x")).status in (400, 404)
