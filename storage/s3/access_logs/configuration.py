"""The document BucketLoggingStatus, and whether its target takes logs.

Amazon S3 API Reference, "PutBucketLogging"; S3 User Guide, "Enabling Amazon S3 server access
logging".
"""

from __future__ import annotations

from typing import NamedTuple

from storage.container.record import ContainerRecord
from storage.s3.acl import ACL, LOG_DELIVERY, Permission, parse_acl
from storage.s3.errors import S3Error
from storage.s3.owner import display_name
from storage.s3.policy import Caller, Policy, Question, Verdict
from storage.s3.subresources.documents import allow_only, only, parse_document

LOGGING = "logging"
ROOT = "BucketLoggingStatus"
SERVICE = "logging.s3.amazonaws.com"
_DATE_SOURCES = ("EventTime", "DeliveryTime")


class LogTarget(NamedTuple):
    """Where a bucket's log goes.

    Attributes:
        bucket: name of the target bucket.
        prefix: of the names of log objects.
        date_source: where names have folders of source and date, which date: "EventTime" or
            "DeliveryTime"; else empty.
    """

    bucket: str
    prefix: str
    date_source: str = ""


def parse_logging(data: bytes) -> LogTarget | None:
    """Return where a document wants the log, or nothing where it wants none.

    Raises:
        S3Error: MalformedXML, or NotImplemented for grants on log objects.
    """
    root = parse_document(data, ROOT)
    allow_only(root, "LoggingEnabled")
    enabled = root.find("LoggingEnabled")
    if enabled is None:
        return None
    allow_only(enabled, "TargetBucket", "TargetPrefix", "TargetGrants", "TargetObjectKeyFormat")
    bucket, prefix = only(enabled, "TargetBucket"), only(enabled, "TargetPrefix")
    if not bucket or prefix is None:
        raise S3Error("MalformedXML")
    grants = enabled.find("TargetGrants")
    if grants is not None and grants.children:
        raise S3Error("NotImplemented", "Log objects belong to the target bucket's owner alone.")
    form = enabled.find("TargetObjectKeyFormat")
    if form is None:
        return LogTarget(bucket, prefix)
    allow_only(form, "SimplePrefix", "PartitionedPrefix")
    if len(form.children) != 1:
        raise S3Error("MalformedXML")
    partitioned = form.find("PartitionedPrefix")
    if partitioned is None:
        return LogTarget(bucket, prefix)
    source = only(partitioned, "PartitionDateSource") or "DeliveryTime"
    if source not in _DATE_SOURCES:
        raise S3Error("MalformedXML")
    return LogTarget(bucket, prefix, source)


def takes_logs(
    source: ContainerRecord, target: ContainerRecord, key: str, policy: Policy | None
) -> bool:
    """Tell whether log objects of a bucket may be written into another one.

    Either the target's list grants WRITE to the log delivery group, or its policy lets the
    logging service put objects; the latter's denials count in any case.
    """
    if source.account != target.account:
        return False
    caller = Caller("service", "", f"Service:{SERVICE}", is_root=False)
    keys = {
        "aws:sourcearn": (f"arn:aws:s3:::{source.name}",),
        "aws:sourceaccount": (display_name(source.account),),
    }
    resource = f"arn:aws:s3:::{target.name}/{key}"
    verdict = Verdict.SILENT
    if policy is not None:
        verdict = policy.judge(Question(caller, "s3:PutObject", resource, keys))
    if verdict is not Verdict.SILENT:
        return verdict is not Verdict.DENIED
    stored = target.values.get(ACL)
    return stored is not None and parse_acl(stored).permits(
        LOG_DELIVERY, Permission.WRITE, is_known=False, is_public=False
    )
