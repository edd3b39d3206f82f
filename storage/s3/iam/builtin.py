"""The managed policies of AWS that every account has, as far as a store has use for them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from storage.s3.iam.model import ManagedPolicy, PolicyVersion
from storage.s3.iam.names import POLICY_ID, Arn, fixed_id

ACCOUNT: Final = "aws"
"""Whose they are, in ARNs."""

_S3_READ: Final = ("s3:Get*", "s3:List*")
_IAM_READ: Final = ("iam:Get*", "iam:List*")


def _policy(name: str, description: str, *actions: str) -> ManagedPolicy:
    statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
    text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    versions = (PolicyVersion(1, text, 0),)
    return ManagedPolicy(
        name, fixed_id(POLICY_ID, name), "/", 0, 0, description, {}, versions, 1, 1
    )


POLICIES: Final[Mapping[str, ManagedPolicy]] = MappingProxyType(
    {
        str(Arn(ACCOUNT, "policy", policy.path, policy.name)): policy
        for policy in (
            _policy("AdministratorAccess", "Everything.", "*"),
            _policy("ReadOnlyAccess", "Reading everything.", *_S3_READ, *_IAM_READ),
            _policy("AmazonS3FullAccess", "Everything in S3.", "s3:*"),
            _policy("AmazonS3ReadOnlyAccess", "Reading in S3.", *_S3_READ),
            _policy("IAMFullAccess", "Everything in IAM.", "iam:*"),
            _policy("IAMReadOnlyAccess", "Reading in IAM.", *_IAM_READ),
        )
    }
)
"""ARN → policy."""
