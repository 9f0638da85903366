"""What your own tests of code that uses this package need: no network, no waiting.

The fixtures and marks for pytest are in `eguma_async.testing.pytest_plugin`, which pytest finds by
itself. The tests that a transport of your own must pass are in `eguma_async.testing.contract`,
which needs pytest and is imported by itself. Names are loaded on first use, so that a run of pytest
that uses none of them pays nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eguma_async._lazy import lazy_names

if TYPE_CHECKING:
    from .clock import FakeClock as FakeClock
    from .faults import Action as Action
    from .faults import Fault as Fault
    from .faults import FaultTransport as FaultTransport
    from .faults import Send as Send
    from .faults import answer_instead as answer_instead
    from .faults import cut_body as cut_body
    from .faults import delay as delay
    from .faults import drop_request as drop_request
    from .faults import html_page as html_page
    from .faults import lose_reply as lose_reply
    from .faults import refuse as refuse
    from .transports import Exchange as Exchange
    from .transports import RecordingTransport as RecordingTransport
    from .transports import ScriptedTransport as ScriptedTransport
    from .transports import Step as Step
    from .transports import json_reply as json_reply
    from .transports import text_reply as text_reply
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
