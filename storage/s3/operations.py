"""Every operation of S3, as botocore's model names them, and what selects it.

The table is the only place that knows them. Handlers are bound to its names in `routes`; what has
no handler is answered with NotImplemented, so a sub-resource never falls through to the operation
that the bare path would mean.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, IntEnum
from typing import NamedTuple


class Level(IntEnum):
    """How deep a path lies."""

    SERVICE = 0
    BUCKET = 1
    OBJECT = 2


class Variant(Enum):
    """What besides method, level and sub-resource tells two operations apart."""

    PLAIN = ""
    COPY = "copy"
    """The header x-amz-copy-source is there."""
    V2 = "v2"
    """The parameter list-type is 2."""
    ID = "id"
    """The parameter that names one of many is there: id, or annotationName."""


class Operation(NamedTuple):
    """An operation.

    Attributes:
        name: in botocore's model; PostObject and Preflight are not in it.
        method: of HTTP.
        level: what the path addresses.
        subresource: the query parameter that selects it, or empty.
        variant: what else must be true.
        action: what a policy must allow; empty where the handler asks for itself.
        version_action: what it must allow where a version is named.
        priority: 1 for what every client needs, 2 for what some do, 3 for the rest.
    """

    name: str
    method: str
    level: Level
    subresource: str
    variant: Variant
    action: str
    version_action: str
    priority: int


# Under each level and sub-resource: priority, method (and variant), operation, and the action (and
# that for a version) where it is not the operation's own name; "-" for none.
_TABLE = """
service
    1 GET      ListBuckets ListAllMyBuckets
bucket
    1 GET      ListObjects ListBucket
    1 GET+v2   ListObjectsV2 ListBucket
    1 HEAD     HeadBucket ListBucket
    1 PUT      CreateBucket
    1 POST     PostObject -
    1 DELETE   DeleteBucket
    2 OPTIONS  Preflight -
bucket ?abac
    3 GET      GetBucketAbac
    3 PUT      PutBucketAbac
bucket ?accelerate
    3 GET      GetBucketAccelerateConfiguration GetAccelerateConfiguration
    3 PUT      PutBucketAccelerateConfiguration PutAccelerateConfiguration
bucket ?acl
    1 GET      GetBucketAcl
    1 PUT      PutBucketAcl
bucket ?analytics
    3 GET      ListBucketAnalyticsConfigurations GetAnalyticsConfiguration
    3 GET+id   GetBucketAnalyticsConfiguration GetAnalyticsConfiguration
    3 PUT      PutBucketAnalyticsConfiguration PutAnalyticsConfiguration
    3 DELETE   DeleteBucketAnalyticsConfiguration PutAnalyticsConfiguration
bucket ?cors
    2 GET      GetBucketCors GetBucketCORS
    2 PUT      PutBucketCors PutBucketCORS
    2 DELETE   DeleteBucketCors PutBucketCORS
bucket ?delete
    1 POST     DeleteObjects -
bucket ?encryption
    2 GET      GetBucketEncryption GetEncryptionConfiguration
    2 PUT      PutBucketEncryption PutEncryptionConfiguration
    2 DELETE   DeleteBucketEncryption PutEncryptionConfiguration
bucket ?intelligent-tiering
    3 GET      ListBucketIntelligentTieringConfigurations GetIntelligentTieringConfiguration
    3 GET+id   GetBucketIntelligentTieringConfiguration GetIntelligentTieringConfiguration
    3 PUT      PutBucketIntelligentTieringConfiguration PutIntelligentTieringConfiguration
    3 DELETE   DeleteBucketIntelligentTieringConfiguration PutIntelligentTieringConfiguration
bucket ?inventory
    3 GET      ListBucketInventoryConfigurations GetInventoryConfiguration
    3 GET+id   GetBucketInventoryConfiguration GetInventoryConfiguration
    3 PUT      PutBucketInventoryConfiguration PutInventoryConfiguration
    3 DELETE   DeleteBucketInventoryConfiguration PutInventoryConfiguration
bucket ?lifecycle
    2 GET      GetBucketLifecycleConfiguration GetLifecycleConfiguration
    2 PUT      PutBucketLifecycleConfiguration PutLifecycleConfiguration
    2 DELETE   DeleteBucketLifecycle PutLifecycleConfiguration
bucket ?location
    1 GET      GetBucketLocation
bucket ?logging
    2 GET      GetBucketLogging
    2 PUT      PutBucketLogging
bucket ?metadataAnnotationTable
    3 PUT      UpdateBucketMetadataAnnotationTableConfiguration
bucket ?metadataConfiguration
    3 GET      GetBucketMetadataConfiguration GetBucketMetadataTableConfiguration
    3 POST     CreateBucketMetadataConfiguration CreateBucketMetadataTableConfiguration
    3 DELETE   DeleteBucketMetadataConfiguration DeleteBucketMetadataTableConfiguration
bucket ?metadataInventoryTable
    3 PUT      UpdateBucketMetadataInventoryTableConfiguration
bucket ?metadataJournalTable
    3 PUT      UpdateBucketMetadataJournalTableConfiguration
bucket ?metadataTable
    3 GET      GetBucketMetadataTableConfiguration
    3 POST     CreateBucketMetadataTableConfiguration
    3 DELETE   DeleteBucketMetadataTableConfiguration
bucket ?metrics
    3 GET      ListBucketMetricsConfigurations GetMetricsConfiguration
    3 GET+id   GetBucketMetricsConfiguration GetMetricsConfiguration
    3 PUT      PutBucketMetricsConfiguration PutMetricsConfiguration
    3 DELETE   DeleteBucketMetricsConfiguration PutMetricsConfiguration
bucket ?notification
    2 GET      GetBucketNotificationConfiguration GetBucketNotification
    2 PUT      PutBucketNotificationConfiguration PutBucketNotification
bucket ?object-lock
    2 GET      GetObjectLockConfiguration GetBucketObjectLockConfiguration
    2 PUT      PutObjectLockConfiguration PutBucketObjectLockConfiguration
bucket ?ownershipControls
    2 GET      GetBucketOwnershipControls
    2 PUT      PutBucketOwnershipControls
    2 DELETE   DeleteBucketOwnershipControls PutBucketOwnershipControls
bucket ?policy
    2 GET      GetBucketPolicy
    2 PUT      PutBucketPolicy
    2 DELETE   DeleteBucketPolicy
bucket ?policyStatus
    2 GET      GetBucketPolicyStatus
bucket ?publicAccessBlock
    2 GET      GetPublicAccessBlock GetBucketPublicAccessBlock
    2 PUT      PutPublicAccessBlock PutBucketPublicAccessBlock
    2 DELETE   DeletePublicAccessBlock PutBucketPublicAccessBlock
bucket ?replication
    3 GET      GetBucketReplication GetReplicationConfiguration
    3 PUT      PutBucketReplication PutReplicationConfiguration
    3 DELETE   DeleteBucketReplication PutReplicationConfiguration
bucket ?requestPayment
    2 GET      GetBucketRequestPayment
    3 PUT      PutBucketRequestPayment
bucket ?session
    3 GET      CreateSession
bucket ?tagging
    2 GET      GetBucketTagging
    2 PUT      PutBucketTagging
    2 DELETE   DeleteBucketTagging PutBucketTagging
bucket ?uploads
    1 GET      ListMultipartUploads ListBucketMultipartUploads
bucket ?versioning
    1 GET      GetBucketVersioning
    1 PUT      PutBucketVersioning
bucket ?versions
    1 GET      ListObjectVersions ListBucketVersions
bucket ?website
    2 GET      GetBucketWebsite
    2 PUT      PutBucketWebsite
    2 DELETE   DeleteBucketWebsite
object
    1 GET      GetObject GetObject|GetObjectVersion
    1 HEAD     HeadObject GetObject|GetObjectVersion
    1 PUT      PutObject
    1 PUT+copy CopyObject PutObject
    1 DELETE   DeleteObject DeleteObject|DeleteObjectVersion
    2 OPTIONS  Preflight -
object ?acl
    1 GET      GetObjectAcl GetObjectAcl|GetObjectVersionAcl
    1 PUT      PutObjectAcl PutObjectAcl|PutObjectVersionAcl
object ?annotation
    3 GET+id   GetObjectAnnotation
    3 GET      ListObjectAnnotations
    3 PUT      PutObjectAnnotation
    3 DELETE   DeleteObjectAnnotation
object ?attributes
    2 GET      GetObjectAttributes GetObjectAttributes|GetObjectVersionAttributes
object ?encryption
    3 PUT      UpdateObjectEncryption
object ?legal-hold
    2 GET      GetObjectLegalHold
    2 PUT      PutObjectLegalHold
object ?renameObject
    3 PUT      RenameObject
object ?restore
    3 POST     RestoreObject
object ?retention
    2 GET      GetObjectRetention
    2 PUT      PutObjectRetention
object ?select
    3 POST     SelectObjectContent GetObject
object ?tagging
    2 GET      GetObjectTagging GetObjectTagging|GetObjectVersionTagging
    2 PUT      PutObjectTagging -
    2 DELETE   DeleteObjectTagging DeleteObjectTagging|DeleteObjectVersionTagging
object ?torrent
    3 GET      GetObjectTorrent GetObjectTorrent|GetObjectVersionTorrent
object ?uploadId
    1 GET      ListParts ListMultipartUploadParts
    1 PUT      UploadPart PutObject
    1 PUT+copy UploadPartCopy PutObject
    1 POST     CompleteMultipartUpload PutObject
    1 DELETE   AbortMultipartUpload
object ?uploads
    1 POST     CreateMultipartUpload PutObject
"""


def _parse(table: str) -> Iterator[Operation]:
    level, subresource = Level.SERVICE, ""
    for line in table.strip().splitlines():
        if not line.startswith(" "):
            word, _, subresource = line.partition(" ?")
            level = Level[word.upper()]
            continue
        priority, selector, name, *rest = line.split()
        method, _, variant = selector.partition("+")
        action, _, version_action = (rest[0] if rest else name).partition("|")
        if action == "-":
            action, version_action = "", ""
        yield Operation(
            name,
            method,
            level,
            subresource,
            Variant(variant),
            action and f"s3:{action}",
            action and f"s3:{version_action or action}",
            int(priority),
        )


OPERATIONS = tuple(_parse(_TABLE))
SUBRESOURCES = frozenset(one.subresource for one in OPERATIONS if one.subresource)
"""The query parameters that select an operation; any others are ignored or the operation's own."""
