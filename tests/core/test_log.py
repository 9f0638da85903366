"""The package's log: one logger, no handler and no level of its own, and nothing that fails."""

from __future__ import annotations

import asyncio
import logging
import re
import subprocess
import sys
from pathlib import Path

import pytest

import eguma_async
from eguma_async.core.errors import OutcomeUnknownError
from eguma_async.core.log import logger
from eguma_async.testing import json_reply
from tests.support.calls import BOOK, CATALOGUE, PRODUCTS, scripted

PACKAGE = Path(eguma_async.__file__).parent


class Kept(logging.Handler):
    def __init__(self, error: BaseException | None = None) -> None:
        super().__init__()
        self.records: list[logging.LogRecord] = []
        self._error = error

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append(record)
        if self._error is not None:
            raise self._error


@pytest.fixture
def listening():
    handlers: list[Kept] = []

    def listen(error: BaseException | None = None) -> Kept:
        handlers.append(Kept(error))
        logger.logger.addHandler(handlers[-1])
        return handlers[-1]

    yield listen
    for handler in handlers:
        logger.logger.removeHandler(handler)


def test_a_record_is_the_callers(listening):
    kept = listening()
    logger.warning("%s of %d", "one", 2)
    (record,) = kept.records
    assert (record.name, record.getMessage()) == ("eguma_async", "one of 2")
    assert (record.filename, record.funcName) == ("test_log.py", "test_a_record_is_the_callers")


def test_an_error_is_told_with_its_traceback(listening):
    kept = listening()
    try:
        raise ZeroDivisionError
    except ZeroDivisionError:
        logger.exception("failed")
    (record,) = kept.records
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


@pytest.mark.parametrize("write", [logger.debug, logger.warning, logger.exception])
def test_what_a_handler_raises_goes_no_further(listening, write, caplog):
    caplog.set_level(logging.DEBUG, "eguma_async")
    broken = listening(OSError("no space left on device"))
    write("anything")
    assert len(broken.records) == 1


def test_an_interruption_is_no_error_of_a_handler(listening):
    listening(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        logger.warning("anything")


def test_what_a_filter_raises_goes_no_further():
    def broken(record: logging.LogRecord) -> bool:
        raise RuntimeError("broken")

    logger.logger.addFilter(broken)
    try:
        logger.warning("anything")
    finally:
        logger.logger.removeFilter(broken)


async def test_a_request_is_a_line_for_people_and_fields_for_machines(listening, caplog):
    caplog.set_level(logging.DEBUG, "eguma_async")
    kept = listening()
    async with scripted(json_reply(CATALOGUE)) as (session, _):
        await session.send(PRODUCTS)
    (record,) = kept.records
    fields = {"provider", "operation", "attempt", "status", "error", "seconds"}
    assert {name: vars(record)[name] for name in fields} == {
        "provider": "e-guma",
        "operation": "ListProducts",
        "attempt": 1,
        "status": 200,
        "error": None,
        "seconds": 0.0,
    }
    assert record.getMessage() == "e-guma ListProducts attempt 1: 200 in 0.0 ms"


async def test_a_booking_that_is_cancelled_under_way_can_be_found_by_its_key(listening):
    def cancel(request):
        raise asyncio.CancelledError

    kept = listening()
    async with scripted(cancel) as (session, _):
        with pytest.raises(asyncio.CancelledError) as cancelled:
            await session.send(BOOK)
    cause = cancelled.value.__cause__
    assert isinstance(cause, OutcomeUnknownError)
    (record,) = kept.records
    assert record.levelno == logging.WARNING
    assert vars(record)["operation"] == "BookTickets"
    assert vars(record)["idempotency_key"] == cause.idempotency_key


USE = """
import asyncio, logging
root = logging.getLogger()
from eguma_async import AsyncSession
from eguma_async.sandbox import EgumaSandbox
import eguma_async.cli, eguma_async.testing

async def main():
    sandbox = EgumaSandbox()
    async with AsyncSession(sandbox.demo_key, transport=sandbox.transport()) as session:
        await session.ticketing.products.list()

asyncio.run(main())
assert (root.handlers, root.level) == ([], logging.WARNING)
ours = logging.getLogger("eguma_async")
assert {type(handler) for handler in ours.handlers} == {logging.NullHandler}
assert (ours.level, ours.propagate, ours.disabled) == (logging.NOTSET, True, False)
below = [name for name in root.manager.loggerDict if name.startswith("eguma_async.")]
assert all(logging.getLogger(name).level == logging.NOTSET for name in below)
ours.error("nobody listens")
"""


def test_where_and_how_much_is_written_is_the_programs_own_matter():
    done = subprocess.run(
        [sys.executable, "-c", USE], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.source
def test_every_logger_is_the_packages_and_only_a_command_sets_one_up():
    names, set_up = set(), set()
    for path in sorted(PACKAGE.rglob("*.py")):
        module = path.relative_to(PACKAGE).as_posix()
        if module.startswith(("cli/", "testing/")):
            continue
        source = path.read_text("utf-8").replace("addHandler(logging.NullHandler())", "")
        names |= set(re.findall(r"getLogger\((.*?)\)", source))
        if re.search(r"\b(basicConfig|dictConfig|setLevel|addHandler|captureWarnings)\(", source):
            set_up.add(module)
    assert (names, set_up) == ({'"eguma_async"'}, set())
