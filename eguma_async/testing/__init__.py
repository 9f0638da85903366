"""What your own tests of code that uses this package need: no network, no waiting."""

from .clock import FakeClock
from .faults import (
    Fault,
    FaultTransport,
    answer_instead,
    cut_body,
    delay,
    drop_request,
    html_page,
    lose_reply,
    refuse,
)
from .transports import Exchange, RecordingTransport, ScriptedTransport, json_reply, text_reply

__all__ = [
    "Exchange",
    "FakeClock",
    "Fault",
    "FaultTransport",
    "RecordingTransport",
    "ScriptedTransport",
    "answer_instead",
    "cut_body",
    "delay",
    "drop_request",
    "html_page",
    "json_reply",
    "lose_reply",
    "refuse",
    "text_reply",
]
