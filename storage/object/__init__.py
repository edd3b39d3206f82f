"""Objects: their record, and what a device decides and does about it."""
