from __future__ import annotations

import logging

import pytest

from eguma_async.core.log import logger


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
