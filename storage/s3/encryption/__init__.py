"""Server-side encryption: SSE-S3, SSE-KMS and SSE-C.

An object's bytes are cut into segments that are encrypted and authenticated each by itself
(`segments`) under a key of the object's own. That key is kept with the object, encrypted under a
master key (`seal`): the cluster's, one of the key file's (`keyring`), or the customer's
(`customer`). No key is ever logged, shown, or kept in the clear.
"""
