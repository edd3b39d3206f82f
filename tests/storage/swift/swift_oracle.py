"""OpenStack Swift's own code, as the judge of ours."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # eventlet speaks of its own end
    from swift.common import constraints, swob
    from swift.common.middleware import acl, listing_formats
    from swift.common.utils import split_path
    from swift.common.utils.timestamp import Timestamp

__all__ = ["Timestamp", "acl", "constraints", "listing_formats", "split_path", "swob"]
