"""The way of a body into a sink of the caller's."""

from __future__ import annotations

from eguma_async.core.messages import BodySink


class SinkError(Exception):
    """Carries an error of the caller's sink past the translation of errors."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self.error = error


async def pour(sink: BodySink, piece: bytes) -> None:
    """Hand a piece on.

    Raises:
        SinkError: The sink raised something.
    """
    try:
        await sink.write(piece)
    except Exception as error:  # noqa: BLE001 - whatever the sink raises is handed on as it is
        raise SinkError(error) from None
