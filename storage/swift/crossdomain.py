"""/crossdomain.xml: what Flash, Java and Silverlight pages of other sites may do.

After OpenStack Swift (`swift.common.middleware.crossdomain`).
"""

from __future__ import annotations

from storage.swift.response import Response

PATH = b"/crossdomain.xml"
_DOCUMENT = """\
<?xml version="1.0"?>
<!DOCTYPE cross-domain-policy SYSTEM "http://www.adobe.com/xml/dtds/cross-domain-policy.dtd" >
<cross-domain-policy>
{policy}
</cross-domain-policy>"""


def policy_file(policy: str) -> Response:
    """Return the file.

    Args:
        policy: elements, as the operator gave them.
    """
    content_type = (b"Content-Type", b"application/xml; charset=UTF-8")
    return Response(200, [content_type], _DOCUMENT.format(policy=policy).encode())
