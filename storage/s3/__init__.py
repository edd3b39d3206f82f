"""The S3 front door: the Amazon S3 REST API (2006-03-01) as an ASGI application.

The judge of behaviour is Amazon S3 itself. What is not there is refused with 501 NotImplemented,
never answered as something else.
"""
