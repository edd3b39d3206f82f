"""S3's operations on objects."""
