"""The configuration of buckets: one module for each of their sub-resources."""
