"""Policies and callers to try things with."""

from __future__ import annotations

import json
from typing import Any

from storage.s3.policy import Caller, Kind, Policy, Question, Verdict, parse_policy

BUCKET = "photos"
BUCKET_ARN = f"arn:aws:s3:::{BUCKET}"
OBJECT_ARN = f"{BUCKET_ARN}/cat.jpg"
ANN = Caller("ann", "a" * 64, "arn:aws:iam::ann:user/ann", is_root=True)
BOB = Caller("bob", "b" * 64, "arn:aws:iam::bob:user/bob", is_root=True)
BOBS_MAN = Caller("bob", "b" * 64, "arn:aws:iam::bob:user/man", is_root=False)


def statement(effect: str = "Allow", **fields: Any) -> dict[str, Any]:
    made = {
        "Effect": effect,
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"{BUCKET_ARN}/*",
        **fields,
    }
    return {name: value for name, value in made.items() if value is not None}


def document(*statements: dict[str, Any], **fields: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements), **fields})


def bucket_policy(*statements: dict[str, Any], **fields: Any) -> Policy:
    return parse_policy(document(*statements, **fields), Kind.BUCKET, BUCKET)


def judge(
    policy: Policy,
    caller: Caller = BOB,
    action: str = "s3:GetObject",
    resource: str = OBJECT_ARN,
    **keys: str | list[str],
) -> Verdict:
    """Ask a policy; a key's name has "__" for ":" and "_" for "-"."""
    found = {
        name.replace("__", ":").replace("_", "-").lower(): [value]
        if isinstance(value, str)
        else value
        for name, value in keys.items()
    }
    return policy.judge(Question(caller, action, resource, found))
