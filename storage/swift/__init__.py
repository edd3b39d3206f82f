"""The Swift front door: OpenStack Object Storage API v1 as an ASGI application.

The judge of behaviour is OpenStack Swift itself with its standard pipeline (gatekeeper,
healthcheck, listing_formats, tempauth, copy, proxy-server). What it does not do yet is refused
with 501 and absent from `/info`; docs/swift.md has the list.
"""
