"""Answers that may take long: white space keeps the connection alive until they are there.

As S3 does it for copies and completions: a response of status 200 begins, and what it says, be it
an error, is in its document ("CompleteMultipartUpload", Amazon S3 API Reference).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from atoll.log import get_logger
from storage.proxy.errors import StoreError
from storage.s3.errors import S3Error, error_document
from storage.s3.request import Request
from storage.s3.response import XML, Response, of_store_error
from storage.s3.xml import DECLARATION

PATIENCE_S = 5.0
"""After how long the response begins."""
INTERVAL_S = 5.0
"""How often it goes on with white space."""

_DECLARATION = DECLARATION.encode("ascii")
log = get_logger(part="s3")


async def answer_slowly(
    request: Request, work: Callable[[], Awaitable[Response]]
) -> Response | None:
    """Answer with what some work returns, which is a document.

    Args:
        request: to answer.
        work: raises what the client is told as an error; takes care of its own cancellation.

    Returns:
        The response; nothing where it was sent from here, because the work took long.

    Raises:
        Exception: what the work raised in time; or the client went away, and the work was
            cancelled.
    """
    outcome: list[Response | Exception] = []
    is_done = trio.Event()
    broken: list[Exception] = []

    async def run() -> None:
        try:
            outcome.append(await work())
        except Exception as error:
            outcome.append(error)
        is_done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        with trio.move_on_after(PATIENCE_S):
            await is_done.wait()
        if not outcome:
            try:
                await _wait(request, is_done)
            except Exception as error:  # raised below, not as one of a group
                broken.append(error)
                nursery.cancel_scope.cancel()
    if broken:
        raise broken[0]
    result = outcome[0]
    if not request.is_started:
        if isinstance(result, Exception):
            raise result
        return result
    body = result.body if isinstance(result, Response) else _error_body(request, result)
    await request.send_piece(body.removeprefix(_DECLARATION), more=False)
    return None


async def _wait(request: Request, is_done: trio.Event) -> None:
    """Begin the response, and send white space until its end is there."""
    await request.start(200, [XML])
    await request.send_piece(_DECLARATION, more=True)
    while not is_done.is_set():
        await request.send_piece(b" ", more=True)
        with trio.move_on_after(INTERVAL_S):
            await is_done.wait()


def _error_body(request: Request, error: Exception) -> bytes:
    """Return the document that tells of an error.

    Raises:
        Exception: as it is given, where it is a fault of ours.
    """
    if isinstance(error, StoreError):
        told = of_store_error(error, request.bucket, request.key)
    elif isinstance(error, S3Error):
        told = error
    else:
        log.error("request failed", error, method=request.method)
        told = S3Error("InternalError")
    resource = request.raw_path.decode("latin-1")
    return error_document(told, resource, request.id, request.ids.host_id)
