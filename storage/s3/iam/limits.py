"""How much of what an account may have: AWS's quotas ("IAM and AWS STS quotas")."""

from __future__ import annotations

from typing import Final

USERS_MAX: Final = 5000
GROUPS_MAX: Final = 300
ROLES_MAX: Final = 1000
POLICIES_MAX: Final = 1500
POLICY_VERSIONS_MAX: Final = 5
ATTACHED_MAX: Final = 10
"""Managed policies of one user, group or role."""
KEYS_MAX: Final = 2
"""Access keys of a user."""
GROUPS_OF_USER_MAX: Final = 10
TAGS_MAX: Final = 50

MANAGED_POLICY_SIZE_MAX: Final = 6144
"""Characters that are no white space, as all limits of policies count."""
INLINE_SIZE_MAX: Final = {"user": 2048, "group": 5120, "role": 10_240}
"""All inline policies of one together."""
TRUST_POLICY_SIZE_MAX: Final = 2048
SESSION_POLICY_SIZE_MAX: Final = 2048

DIRECTORY_BYTES_MAX: Final = 8 * 2**20
"""Of an account's directory as it is stored."""
BODY_BYTES_MAX: Final = 256 * 1024
"""Of a request."""
FIELDS_MAX: Final = 1000
"""Of a request's form."""

PAGE_SIZE: Final = 100
PAGE_SIZE_MAX: Final = 1000

DURATION_S_MIN: Final = 900
ROLE_DURATION_S: Final = 3600
ROLE_DURATION_S_MAX: Final = 43_200
CHAINED_DURATION_S_MAX: Final = 3600
"""Of a session of a role that a session of a role begins ("role chaining")."""
SESSION_DURATION_S: Final = 43_200
SESSION_DURATION_S_MAX: Final = 129_600
