"""What your own tests of code that uses this package need: no network, no waiting.

The tests that a transport of your own must pass are in `eguma_async.testing.contract`, which needs
pytest and is imported by itself.
"""

from .clock import FakeClock
from .faults import (
    Action,
    Fault,
    FaultTransport,
    Send,
    answer_instead,
    cut_body,
    delay,
    drop_request,
    html_page,
    lose_reply,
    refuse,
)
from .transports import (
    Exchange,
    RecordingTransport,
    ScriptedTransport,
    Step,
    json_reply,
    text_reply,
)

__all__ = [
    "Action",
    "Exchange",
    "FakeClock",
    "Fault",
    "FaultTransport",
    "RecordingTransport",
    "ScriptedTransport",
    "Send",
    "Step",
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
