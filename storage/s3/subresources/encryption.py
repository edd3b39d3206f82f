"""The default encryption of buckets."""

from __future__ import annotations

from storage.s3.encryption.default import KIND, read_default
from storage.s3.subresources.documents import DocumentKind

ENCRYPTION = DocumentKind(
    KIND,
    read_default,
    "ServerSideEncryptionConfigurationNotFoundError",
    "BucketEncryption",
)
