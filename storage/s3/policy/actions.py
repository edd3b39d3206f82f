"""The actions of S3 and what each one acts on (Service Authorization Reference, "Amazon S3")."""

from __future__ import annotations

from functools import lru_cache

from storage.s3.policy.glob import Glob

SERVICE_ACTIONS = frozenset(("ListAllMyBuckets", "CreateJob", "ListAccessPoints"))

_BUCKET_ACTIONS_LIST = """
    CreateBucket DeleteBucket DeleteBucketPolicy DeleteBucketWebsite
    GetAccelerateConfiguration GetAnalyticsConfiguration GetBucketAcl GetBucketCORS
    GetBucketLocation GetBucketLogging GetBucketNotification GetBucketObjectLockConfiguration
    GetBucketOwnershipControls GetBucketPolicy GetBucketPolicyStatus GetBucketPublicAccessBlock
    GetBucketRequestPayment GetBucketTagging GetBucketVersioning GetBucketWebsite
    GetEncryptionConfiguration GetIntelligentTieringConfiguration GetInventoryConfiguration
    GetLifecycleConfiguration GetMetricsConfiguration GetReplicationConfiguration
    ListBucket ListBucketMultipartUploads ListBucketVersions
    PutAccelerateConfiguration PutAnalyticsConfiguration PutBucketAcl PutBucketCORS
    PutBucketLogging PutBucketNotification PutBucketObjectLockConfiguration
    PutBucketOwnershipControls PutBucketPolicy PutBucketPublicAccessBlock
    PutBucketRequestPayment PutBucketTagging PutBucketVersioning PutBucketWebsite
    PutEncryptionConfiguration PutIntelligentTieringConfiguration PutInventoryConfiguration
    PutLifecycleConfiguration PutMetricsConfiguration PutReplicationConfiguration
"""
BUCKET_ACTIONS = frozenset(_BUCKET_ACTIONS_LIST.split())

_OBJECT_ACTIONS_LIST = """
    AbortMultipartUpload BypassGovernanceRetention DeleteObject DeleteObjectTagging
    DeleteObjectVersion DeleteObjectVersionTagging GetObject GetObjectAcl GetObjectAttributes
    GetObjectLegalHold GetObjectRetention GetObjectTagging GetObjectTorrent GetObjectVersion
    GetObjectVersionAcl GetObjectVersionAttributes GetObjectVersionForReplication
    GetObjectVersionTagging GetObjectVersionTorrent InitiateReplication
    ListMultipartUploadParts ObjectOwnerOverrideToBucketOwner PutObject PutObjectAcl
    PutObjectLegalHold PutObjectRetention PutObjectTagging PutObjectVersionAcl
    PutObjectVersionTagging ReplicateDelete ReplicateObject ReplicateTags RestoreObject
    UpdateObjectEncryption
"""
OBJECT_ACTIONS = frozenset(_OBJECT_ACTIONS_LIST.split())

_LEVELS = (
    (SERVICE_ACTIONS, "service"),
    (BUCKET_ACTIONS, "bucket"),
    (OBJECT_ACTIONS, "object"),
)
ALL_ACTIONS = {f"s3:{name}": level for names, level in _LEVELS for name in names}
"""What each action acts on: "service", "bucket" or "object"."""


@lru_cache(maxsize=1024)
def actions_like(pattern: Glob) -> frozenset[str]:
    """Return the actions of S3 that a pattern names; upper and lower case are one."""
    return frozenset(name for name in ALL_ACTIONS if pattern.matches(name, {}, ignore_case=True))


def is_exposing(action: str) -> bool:
    """Tell whether the public could read or write a bucket's data with an action.

    The list is AWS's ("The meaning of public", the bad actions).
    """
    name = action.removeprefix("s3:")
    return name.startswith(("Get", "List", "Delete", "Put")) or name in (
        "AbortMultipartUpload",
        "RestoreObject",
    )
