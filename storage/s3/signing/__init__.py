"""Who signed a request, and what they signed: AWS Signature Versions 4 and 2, without I/O.

`scheme` tells how a request is signed. `v4` and `v2` read what it claims and, once somebody has
looked up the secret, check it; `post_policy` does so for browser forms, and `chunked` for bodies
that are signed chunk by chunk.
"""
