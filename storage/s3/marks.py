"""What S3 notes in the metadata of a bucket's container; no client sets or sees it there."""

from __future__ import annotations

REGION = "x-s3-region"
"""Where the bucket was made to be."""

VERSIONING = "x-s3-versioning"
"""A value of `storage.proxy.engine.Versioning`; absent where versions never were kept."""

OBJECT_LOCK = "x-s3-object-lock"
"""`ON` where objects may be locked."""

REPLICATION_STATUS = "x-amz-replication-status"
"""In an object's system metadata: how sending it to another store goes, or ended."""

REPLICA = "atoll-replica"
"""In an object's metadata: it is a replica; the value is its version in the store it came from."""

ON = "Enabled"
