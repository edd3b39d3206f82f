"""Containers: their record, their listing rows, and what a device decides and does about them."""
