"""Managed policies and their versions. Pure functions of a call."""

from __future__ import annotations

import re
from urllib.parse import quote

from storage.s3.iam import builtin
from storage.s3.iam.call import Call, Fields, date, members, tag_members
from storage.s3.iam.documents import read_document
from storage.s3.iam.errors import IamError, exceeded, exists, invalid, no_such
from storage.s3.iam.limits import MANAGED_POLICY_SIZE_MAX, POLICIES_MAX, POLICY_VERSIONS_MAX
from storage.s3.iam.model import Group, ManagedPolicy, PolicyVersion, User
from storage.s3.iam.names import POLICY_ID, new_id
from storage.s3.iam.rights import find_policy

_VERSION_ID = re.compile(r"v([1-9]\d{0,8})", re.ASCII)
_DESCRIPTION_LENGTH_MAX = 1000


def create_policy(call: Call) -> Fields:
    """CreatePolicy."""
    parameters, policies = call.parameters, call.directory.policies
    name, path = parameters.name("PolicyName", 128), parameters.path()
    text = read_document(parameters, "PolicyDocument", MANAGED_POLICY_SIZE_MAX)
    if name.lower() in policies:
        raise exists("policy", name)
    if len(policies) >= POLICIES_MAX:
        raise exceeded("PoliciesPerAccount", POLICIES_MAX)
    policy = ManagedPolicy(
        name,
        new_id(POLICY_ID, call.random),
        path,
        call.now_s,
        call.now_s,
        parameters.text("Description", _DESCRIPTION_LENGTH_MAX),
        parameters.tags(),
        (PolicyVersion(1, text, call.now_s),),
        default=1,
        last=1,
    )
    policies[name.lower()] = policy
    return [("Policy", _whole(call, call.arn("policy", path, name), policy))]


def get_policy(call: Call) -> Fields:
    """GetPolicy."""
    arn, policy = _any_policy(call)
    return [("Policy", _whole(call, arn, policy))]


def list_policies(call: Call) -> Fields:
    """ListPolicies: the account's (Scope=Local), those that everybody has (AWS), or all."""
    parameters, directory = call.parameters, call.directory
    scope = parameters.get("Scope", "All")
    if scope not in ("All", "AWS", "Local"):
        raise invalid("Scope", scope, "Member must be one of [All, AWS, Local]")
    found = {} if scope == "Local" else dict(builtin.POLICIES)
    if scope != "AWS":
        for policy in directory.policies.values():
            found[call.arn("policy", policy.path, policy.name)] = policy
    prefix = parameters.get("PathPrefix", "/")
    only_attached = parameters.get("OnlyAttached") == "true"
    used = {arn for bearer in directory.bearers() for arn in bearer.attached}
    chosen = [
        (arn, policy)
        for arn, policy in found.items()
        if policy.path.startswith(prefix) and (arn in used or not only_attached)
    ]
    return call.page("Policies", chosen, lambda item: item[0], lambda item: _show(call, *item))


def delete_policy(call: Call) -> Fields:
    """DeletePolicy, which nobody may have any more, nor may it have other versions."""
    arn, policy = _policy(call)
    if _uses(call, arn):
        raise IamError("DeleteConflict", "Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        message = "This policy has more than one version. Before you delete a policy, you must "
        raise IamError("DeleteConflict", message + "delete the policy's versions.")
    del call.directory.policies[policy.name.lower()]
    return []


def create_policy_version(call: Call) -> Fields:
    """CreatePolicyVersion."""
    _, policy = _policy(call)
    text = read_document(call.parameters, "PolicyDocument", MANAGED_POLICY_SIZE_MAX)
    if len(policy.versions) >= POLICY_VERSIONS_MAX:
        raise exceeded("VersionsPerPolicy", POLICY_VERSIONS_MAX)
    version = PolicyVersion(policy.last + 1, text, call.now_s)
    is_default = call.parameters.get("SetAsDefault") == "true"
    changed = policy._replace(
        updated_s=call.now_s,
        versions=(*policy.versions, version),
        default=version.number if is_default else policy.default,
        last=version.number,
    )
    _keep(call, changed)
    return [("PolicyVersion", _show_version(changed, version))]


def get_policy_version(call: Call) -> Fields:
    """GetPolicyVersion: with its document."""
    _, policy = _any_policy(call)
    version = _version(call, policy)
    document = quote(version.text, safe="")
    return [("PolicyVersion", [("Document", document), *_show_version(policy, version)])]


def list_policy_versions(call: Call) -> Fields:
    """ListPolicyVersions."""
    _, policy = _any_policy(call)
    return call.page(
        "Versions",
        policy.versions,
        lambda version: f"{version.number:09d}",
        lambda version: _show_version(policy, version),
    )


def set_default_policy_version(call: Call) -> Fields:
    """SetDefaultPolicyVersion: which one counts."""
    _, policy = _policy(call)
    version = _version(call, policy)
    _keep(call, policy._replace(default=version.number, updated_s=call.now_s))
    return []


def delete_policy_version(call: Call) -> Fields:
    """DeletePolicyVersion, which must not be the one that counts."""
    _, policy = _policy(call)
    version = _version(call, policy)
    if version.number == policy.default:
        raise IamError("DeleteConflict", "Cannot delete the default version of a policy.")
    left = tuple(one for one in policy.versions if one is not version)
    _keep(call, policy._replace(versions=left, updated_s=call.now_s))
    return []


def list_entities_for_policy(call: Call) -> Fields:
    """ListEntitiesForPolicy: who has it."""
    arn, _ = _any_policy(call)
    found: dict[str, list[Fields]] = {"Group": [], "User": [], "Role": []}
    for bearer in call.directory.bearers():
        if arn in bearer.attached:
            kind = "User" if isinstance(bearer, User) else "Role"
            kind = "Group" if isinstance(bearer, Group) else kind
            found[kind].append([(f"{kind}Name", bearer.name), (f"{kind}Id", bearer.id)])
    lists: Fields = [(f"Policy{kind}s", members(shown)) for kind, shown in found.items()]
    return [*lists, ("IsTruncated", False)]


def _any_policy(call: Call) -> tuple[str, ManagedPolicy]:
    arn = call.parameters.required("PolicyArn")
    found = find_policy(call.directory, call.account, arn)
    if found is None:
        raise no_such("policy", arn)
    return arn, found


def _policy(call: Call) -> tuple[str, ManagedPolicy]:
    arn, policy = _any_policy(call)
    if arn in builtin.POLICIES:
        raise IamError("AccessDenied", "This policy is everybody's and cannot be changed.")
    return arn, policy


def _version(call: Call, policy: ManagedPolicy) -> PolicyVersion:
    text = call.parameters.required("VersionId")
    found = _VERSION_ID.fullmatch(text)
    number = int(found[1]) if found else 0
    for version in policy.versions:
        if version.number == number:
            return version
    raise no_such("policy version", text)


def _uses(call: Call, arn: str) -> int:
    return sum(arn in bearer.attached for bearer in call.directory.bearers())


def _show(call: Call, arn: str, policy: ManagedPolicy) -> Fields:
    return [
        ("PolicyName", policy.name),
        ("PolicyId", policy.id),
        ("Arn", arn),
        ("Path", policy.path),
        ("DefaultVersionId", f"v{policy.default}"),
        ("AttachmentCount", _uses(call, arn)),
        ("PermissionsBoundaryUsageCount", 0),
        ("IsAttachable", True),
        ("CreateDate", date(policy.created_s)),
        ("UpdateDate", date(policy.updated_s)),
    ]


def _whole(call: Call, arn: str, policy: ManagedPolicy) -> Fields:
    fields = _show(call, arn, policy)
    if policy.description:
        fields.append(("Description", policy.description))
    if policy.tags:
        fields.append(("Tags", tag_members(policy.tags)))
    return fields


def _show_version(policy: ManagedPolicy, version: PolicyVersion) -> Fields:
    return [
        ("VersionId", f"v{version.number}"),
        ("IsDefaultVersion", version.number == policy.default),
        ("CreateDate", date(version.created_s)),
    ]


def _keep(call: Call, policy: ManagedPolicy) -> None:
    call.directory.policies[policy.name.lower()] = policy
