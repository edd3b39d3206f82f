"""Which policies make a bucket public (S3 user guide, "The meaning of public")."""

from __future__ import annotations

from typing import Any

import pytest
from policy_samples import bucket_policy, statement

from storage.s3.policy import is_public


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}}, True),
        ({"Principal": {"AWS": ["ann", "*"]}}, True),
        ({"Principal": {"AWS": "arn:aws:iam::ann:root"}}, False),
        ({"Action": "s3:RestoreObject"}, True),
        ({"Action": "s3:BypassGovernanceRetention"}, False),
        ({"Action": None, "NotAction": "s3:GetObject"}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/32"}}}, False),
        ({"Condition": {"IpAddress": {"aws:SourceIp": ["10.0.0.0/8", "0.0.0.0/1"]}}}, True),
        ({"Condition": {"IpAddress": {"aws:SourceIp": "2001:db8::/32"}}}, False),
        ({"Condition": {"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}}, True),
        ({"Condition": {"IpAddressIfExists": {"aws:SourceIp": "10.0.0.0/8"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceVpc": "vpc-91237329"}}}, False),
        ({"Condition": {"StringLike": {"aws:SourceVpc": "vpc-*"}}}, True),
        ({"Condition": {"StringEquals": {"aws:SourceVpc": "${aws:UserAgent}"}}}, True),
        ({"Condition": {"StringEquals": {"aws:userid": "AROLEID:x"}}}, True),
        ({"Condition": {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}}}, True),
        ({"Condition": {"StringEquals": {"aws:Referer": "http://x"}}}, True),
        ({"Condition": {"ForAllValues:StringEquals": {"aws:SourceVpc": "vpc-1"}}}, True),
        ({"Condition": {"ArnEquals": {"aws:PrincipalArn": "arn:aws:iam::a:root"}}}, False),
    ],
)
def test_a_statement(fields: dict[str, Any], expected: bool) -> None:
    assert is_public(bucket_policy(statement(**fields))) is expected


def test_a_denial_makes_nothing_public_and_takes_nothing_back() -> None:
    assert not is_public(bucket_policy(statement("Deny")))
    assert is_public(bucket_policy(statement("Deny"), statement()))
