"""Steps that the tests of sub-resources share."""

from __future__ import annotations

import json
from typing import Any

import pytest
from s3_harness import S3, ApiError, Client

from storage.s3.owner import canonical_id

BUCKET = "photos"
TESTER_ID, OTHER_ID = canonical_id("AUTH_test"), canonical_id("AUTH_other")
ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"


async def refused(client: Client, operation: str, **parameters: Any) -> str:
    """Ask for what is refused; return the error's code."""
    with pytest.raises(ApiError) as caught:
        await client.call(operation, **parameters)
    return caught.value.code


async def may(client: Client, operation: str, **parameters: Any) -> bool:
    """Tell whether a client is let in; anything but AccessDenied is."""
    try:
        await client.call(operation, **parameters)
    except ApiError as error:
        return error.status != 403
    return True


async def make_bucket(client: Client, *keys: str, **parameters: Any) -> None:
    """Make the bucket and objects in it, whose bytes are their names."""
    await client.call("CreateBucket", Bucket=BUCKET, **parameters)
    for key in keys:
        await client.call("PutObject", Bucket=BUCKET, Key=key, Body=key.encode())


def policy(*statements: dict[str, Any]) -> str:
    """Return a policy of the bucket."""
    filled = [
        {
            "Effect": "Allow",
            "Principal": "*",
            "Resource": [f"arn:aws:s3:::{BUCKET}", f"arn:aws:s3:::{BUCKET}/*"],
            **statement,
        }
        for statement in statements
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": filled})


async def set_policy(client: Client, *statements: dict[str, Any]) -> None:
    """Give the bucket a policy."""
    await client.call("PutBucketPolicy", Bucket=BUCKET, Policy=policy(*statements))


def everybody(s3: S3) -> dict[str, Client]:
    """Return a client of each kind."""
    return {
        "owner": s3.clients["test:tester"],
        "member": s3.clients["test:member"],
        "other": s3.clients["other:admin"],
        "nobody": s3.anonymous,
    }


async def who_may(s3: S3, operation: str, **parameters: Any) -> set[str]:
    """Return the kinds of clients that are let in."""
    return {
        kind
        for kind, client in everybody(s3).items()
        if await may(client, operation, Bucket=BUCKET, **parameters)
    }
