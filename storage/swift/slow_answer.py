"""Answers that may take long: white space keeps the connection alive until the report is there.

As Swift has it: the status is always 200 (bulk operations) or 202 (manifests of static large
objects), and how it went stands in the report.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import trio

from atoll.log import get_logger
from storage.proxy.errors import StoreError
from storage.swift.report import Report, ReportFormat, choose_report_format, response_of
from storage.swift.request import Request
from storage.swift.response import SwiftError

HEARTBEAT_INTERVAL_S = 10.0
ACCEPTED = 202
_SEPARATOR = b"\r\n\r\n"

log = get_logger(part="swift")


async def answer_slowly(
    request: Request,
    report: Report,
    work: Callable[[Request, Report], Awaitable[None]],
    status: int = 200,
) -> None:
    """Answer with the report of some work.

    On cancel: what was begun of the work has an unknown outcome.

    Args:
        request: to answer.
        report: that the work fills in.
        work: raises a SwiftError or StoreError that the report shall tell of as a whole.
        status: of the response; with 202 it begins before the work does.
    """
    accepted = choose_report_format(request.headers.get(b"accept", b""))
    form = accepted or ReportFormat("text/plain")
    if status == ACCEPTED:
        await _beat(request, form, status)
    is_done = trio.Event()

    async def run() -> None:
        if accepted is None and status != ACCEPTED:
            report.refuse(SwiftError(406).response)
        else:
            await _work(request, report, work)
        is_done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(run)
        while not is_done.is_set():
            with trio.move_on_after(HEARTBEAT_INTERVAL_S):
                await is_done.wait()
            if not is_done.is_set():
                await _beat(request, form, status)
    body = form.write(report)
    if request.is_started:
        await request.send_piece(_SEPARATOR + body, more=False)
        return
    whole = form.opening + body
    await request.start(200, [form.header], len(whole))
    await request.send_piece(whole, more=False)


async def _work(
    request: Request, report: Report, work: Callable[[Request, Report], Awaitable[None]]
) -> None:
    try:
        await work(request, report)
    except (SwiftError, StoreError) as error:
        report.refuse(response_of(error))
    except ConnectionError:
        raise  # there is nobody to report to
    except Exception as error:
        log.error("request failed", error, method=request.method)
        report.refuse(SwiftError(500).response)


async def _beat(request: Request, form: ReportFormat, status: int) -> None:
    if request.is_started:
        await request.send_piece(b" ", more=True)
    else:
        await request.start(status, [form.header], None)
        await request.send_piece(form.opening or b" ", more=True)
