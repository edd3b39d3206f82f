"""What IAM tells of an account as a whole. Pure functions of a call."""

from __future__ import annotations

from storage.s3.iam import limits
from storage.s3.iam.call import Call, Fields
from storage.s3.iam.errors import no_such


def get_account_summary(call: Call) -> Fields:
    """GetAccountSummary: how many there are, and may be."""
    directory = call.directory
    counts = {
        "Users": len(directory.users) + len(call.fixed),
        "UsersQuota": limits.USERS_MAX,
        "Groups": len(directory.groups),
        "GroupsQuota": limits.GROUPS_MAX,
        "Roles": len(directory.roles),
        "RolesQuota": limits.ROLES_MAX,
        "Policies": len(directory.policies),
        "PoliciesQuota": limits.POLICIES_MAX,
        "PolicySizeQuota": limits.MANAGED_POLICY_SIZE_MAX,
        "UserPolicySizeQuota": limits.INLINE_SIZE_MAX["user"],
        "GroupPolicySizeQuota": limits.INLINE_SIZE_MAX["group"],
        "GroupsPerUserQuota": limits.GROUPS_OF_USER_MAX,
        "AttachedPoliciesPerUserQuota": limits.ATTACHED_MAX,
        "AttachedPoliciesPerGroupQuota": limits.ATTACHED_MAX,
        "AttachedPoliciesPerRoleQuota": limits.ATTACHED_MAX,
        "VersionsPerPolicyQuota": limits.POLICY_VERSIONS_MAX,
        "AccessKeysPerUserQuota": limits.KEYS_MAX,
    }
    return [("SummaryMap", [("entry", [("key", k), ("value", v)]) for k, v in counts.items()])]


def get_access_key_last_used(call: Call) -> Fields:
    """GetAccessKeyLastUsed: whose it is. When it was used is not kept."""
    key_id = call.parameters.name("AccessKeyId", 128)
    for user in call.directory.users.values():
        if any(key.id == key_id for key in user.keys):
            used: Fields = [("ServiceName", "N/A"), ("Region", "N/A")]
            return [("UserName", user.name), ("AccessKeyLastUsed", used)]
    raise no_such("access key", key_id)
