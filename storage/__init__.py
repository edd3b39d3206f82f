"""The object store: devices, the quorum engine over them, and its front doors."""

import atoll  # noqa: F401 - it chooses, before they are loaded, which form of the modules is used
