"""The encryption that a bucket gives to objects whose requests name none."""

from __future__ import annotations

from typing import NamedTuple

from storage.container.record import ContainerRecord
from storage.s3.configuration import Configurations
from storage.s3.encryption.asked import Asked
from storage.s3.encryption.keyring import DEFAULT_KMS_KEY
from storage.s3.encryption.seal import Mode
from storage.s3.errors import S3Error
from storage.s3.subresources.documents import allow_only, boolean, only, parse_document
from storage.s3.xml import Element

KIND = "encryption"
_BLOCKABLE = ("NONE", Mode.CUSTOMER.value)


class DefaultEncryption(NamedTuple):
    """What a document ServerSideEncryptionConfiguration says.

    Attributes:
        asked: the encryption of objects whose requests name none; nothing for none.
        blocks_customer_keys: whether writes with SSE-C are refused.
    """

    asked: Asked | None
    blocks_customer_keys: bool = False


async def default_encryption(
    configurations: Configurations, bucket: ContainerRecord
) -> DefaultEncryption | None:
    """Return the default encryption of a bucket, or nothing."""
    return await configurations.get(bucket, KIND, read_default)


def read_default(data: bytes) -> DefaultEncryption:
    """Return what a document says.

    Raises:
        S3Error: MalformedXML or InvalidArgument.
    """
    root = parse_document(data, "ServerSideEncryptionConfiguration")
    allow_only(root, "Rule")
    if len(root.children) != 1:
        raise S3Error("MalformedXML")
    rule = root.children[0]
    allow_only(
        rule, "ApplyServerSideEncryptionByDefault", "BucketKeyEnabled", "BlockedEncryptionTypes"
    )
    bucket_key = boolean(only(rule, "BucketKeyEnabled"))
    default, blocked = rule.find("ApplyServerSideEncryptionByDefault"), frozenset[str]()
    if len(rule.all("ApplyServerSideEncryptionByDefault")) > 1:
        raise S3Error("MalformedXML")
    types = rule.find("BlockedEncryptionTypes")
    if types is not None:
        blocked = frozenset(one.text for one in types)
        allow_only(types, "EncryptionType")
        if blocked - set(_BLOCKABLE):
            raise S3Error("MalformedXML")
    asked = None if default is None else _read(default, bucket_key=bucket_key)
    return DefaultEncryption(asked, Mode.CUSTOMER.value in blocked)


def _read(element: Element, *, bucket_key: bool) -> Asked:
    allow_only(element, "SSEAlgorithm", "KMSMasterKeyID")
    algorithm, kms_key = only(element, "SSEAlgorithm"), only(element, "KMSMasterKeyID")
    if algorithm == "aws:kms:dsse":
        raise S3Error("NotImplemented")
    if algorithm not in (Mode.CLUSTER.value, Mode.KMS.value):
        raise S3Error("MalformedXML")
    if algorithm == Mode.KMS.value:
        return Asked(Mode.KMS, kms_key or DEFAULT_KMS_KEY, bucket_key=bucket_key)
    if kms_key is not None:
        text = "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms"
        raise S3Error("InvalidArgument", text, ArgumentName="ApplyServerSideEncryptionByDefault")
    return Asked(Mode.CLUSTER)
