"""Made-up credentials, and the places where they must not turn up."""

from __future__ import annotations

import logging
import pickle
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

from eguma_async.core.errors import EgumaError
from eguma_async.core.messages import Credentials

KEY = "k3y+that/nobody=may&see"
TOKEN = "t0ken.that.nobody.may.see"  # noqa: S105  # made up
SIGNED = "acl&sig=s1gnature%2fthat+nobody%E9may%20see"

CREDENTIALS = Credentials(
    query=(("apikey", KEY),),
    headers=(("Authorization", f"Bearer {TOKEN}"),),
    encoded_query=SIGNED,
)
QUOTED_KEY = quote(KEY, safe="")
_FORMS = (KEY, QUOTED_KEY, QUOTED_KEY.lower(), TOKEN, SIGNED, "s1gnature")


def found_in(text: str) -> list[str]:
    """Return the forms of the credentials that a text holds."""
    return [form for form in _FORMS if form in text]


def all_shown_by(error: BaseException) -> str:
    """Return what any tool may print or store of an error: frames and their variables too."""
    shown = [str(error), repr(error), repr(error.args), repr(getattr(error, "__dict__", {}))]
    shown += traceback.TracebackException.from_exception(error, capture_locals=True).format()
    if isinstance(error, EgumaError):
        shown.append(repr(vars(pickle.loads(pickle.dumps(error)))))  # noqa: S301  # our own
    return "\n".join(shown)


@contextmanager
def all_logs() -> Iterator[list[logging.LogRecord]]:
    """Collect every log record of every logger at every level, whatever they are set to."""
    records: list[logging.LogRecord] = []
    made = logging.getLogRecordFactory()

    def note(*arguments: object, **details: object) -> logging.LogRecord:
        record = made(*arguments, **details)
        records.append(record)
        return record

    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    levels = {logger: logger.level for logger in loggers if isinstance(logger, logging.Logger)}
    threshold = logging.root.manager.disable
    logging.setLogRecordFactory(note)
    logging.disable(logging.NOTSET)
    for logger in levels:
        logger.setLevel(1)
    try:
        yield records
    finally:
        logging.setLogRecordFactory(made)
        logging.disable(threshold)
        for logger, level in levels.items():
            logger.setLevel(level)


def all_shown_in(records: list[logging.LogRecord]) -> str:
    """Return what a handler may write of log records: text, arguments, extras, tracebacks."""
    shown = []
    for record in records:
        shown += [record.getMessage(), repr(vars(record))]
        if record.exc_info and record.exc_info[1]:
            shown.append(all_shown_by(record.exc_info[1]))
    return "\n".join(shown)
