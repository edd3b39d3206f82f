"""What is wrong with a policy that a client sent."""

from __future__ import annotations


class PolicyError(ValueError):
    """A policy document breaks the rules of the language; the caller's mistake.

    S3 reports it as MalformedPolicy, IAM as MalformedPolicyDocument; the message is AWS's.
    """
