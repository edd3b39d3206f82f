"""From a request to its operation and the operation's handler."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias

from storage.s3.errors import S3Error
from storage.s3.operations import OPERATIONS, SUBRESOURCES, Level, Operation, Variant
from storage.s3.parameters import Parameters
from storage.s3.request import Request
from storage.s3.response import Response

Handler: TypeAlias = Callable[[Request], Awaitable[Response | None]]
"""Answers a request; returns nothing where it has sent the response itself."""


class Route(NamedTuple):
    """An operation and who answers it; nobody where it is not implemented."""

    operation: Operation
    handler: Handler | None


_TESTS: Mapping[Variant, Callable[[Mapping[bytes, bytes], Parameters], bool]] = {
    Variant.PLAIN: lambda headers, parameters: True,
    Variant.COPY: lambda headers, parameters: b"x-amz-copy-source" in headers,
    Variant.V2: lambda headers, parameters: parameters.get("list-type") == "2",
    Variant.ID: lambda headers, parameters: "id" in parameters or "annotationName" in parameters,
}


class Routes:
    """All routes.

    Args:
        handlers: by name of the operation.

    Attributes:
        handlers: as given.

    Raises:
        ValueError: a handler is for no operation.
    """

    def __init__(self, handlers: Mapping[str, Handler]) -> None:
        unknown = handlers.keys() - {operation.name for operation in OPERATIONS}
        if unknown:
            raise ValueError(f"there is no operation {min(unknown)}")
        self.handlers = handlers
        self._routes: dict[tuple[str, Level, str], list[Route]] = {}
        for operation in sorted(OPERATIONS, key=lambda one: one.variant is Variant.PLAIN):
            selector = operation.method, operation.level, operation.subresource
            route = Route(operation, handlers.get(operation.name))
            self._routes.setdefault(selector, []).append(route)

    def find(self, request: Request) -> Route:
        """Return a request's route.

        Raises:
            S3Error: InvalidArgument for more than one sub-resource, MethodNotAllowed, or
                NotImplemented for a sub-resource that nothing of this kind has.
        """
        method, level, parameters = request.method, request.address.level, request.parameters
        subresource = _subresource(parameters) if parameters and method != "OPTIONS" else ""
        routes = self._routes.get((method, level, subresource))
        if routes is None:
            if subresource and not self.methods(level, subresource):
                raise S3Error("NotImplemented")
            resource_type = subresource.upper() or level.name
            raise S3Error("MethodNotAllowed", Method=method, ResourceType=resource_type)
        if len(routes) == 1:
            return routes[0]
        headers = request.headers
        return next(one for one in routes if _TESTS[one.operation.variant](headers, parameters))

    def methods(self, level: Level, subresource: str) -> list[str]:
        """Return the methods that a sub-resource has at a level."""
        return [
            operation.method
            for operation in OPERATIONS
            if operation.level is level and operation.subresource == subresource
        ]


def _subresource(parameters: Parameters) -> str:
    """Return the sub-resource that a query string names, or nothing.

    Raises:
        S3Error: InvalidArgument, it names several.
    """
    named = sorted(SUBRESOURCES & parameters.names())
    if len(named) > 1:
        message = f"Conflicting query string parameters: {', '.join(named)}"
        raise S3Error("InvalidArgument", message, ArgumentName="ResourceType")
    return named[0] if named else ""
