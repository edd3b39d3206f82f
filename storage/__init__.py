"""The object store: devices, the quorum engine over them, and its front doors."""
