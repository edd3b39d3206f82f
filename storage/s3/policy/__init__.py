"""The policy language of AWS, as far as S3 needs it: documents are parsed, checked and asked.

Pure. `document` has the statements and the verdicts, `condition` the operators, `principal` who
asks and whom a policy names, `glob` the patterns, `public` the test for public access, `actions`
what S3 can do.
"""

from storage.s3.policy.document import (
    ARN_PREFIX,
    POLICY_BYTES_MAX,
    Kind,
    Policy,
    Question,
    Verdict,
    judge_all,
    parse_policy,
)
from storage.s3.policy.error import PolicyError
from storage.s3.policy.principal import ANONYMOUS, Caller
from storage.s3.policy.public import is_public

__all__ = [
    "ANONYMOUS",
    "ARN_PREFIX",
    "POLICY_BYTES_MAX",
    "Caller",
    "Kind",
    "Policy",
    "PolicyError",
    "Question",
    "Verdict",
    "is_public",
    "judge_all",
    "parse_policy",
]
