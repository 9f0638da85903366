"""A sandbox as the server that is asked, with all that its questions may need."""

from __future__ import annotations

from eguma_async.calibration import Wire
from eguma_async.calibration.eguma import (
    EgumaProbe,
    key_credentials,
    simulated_circumstances,
)
from eguma_async.sandbox import Delay, EgumaOptions, EgumaSandbox

BOOKING = "*/booking.json"


def server(options: EgumaOptions) -> EgumaSandbox:
    """Return a sandbox that takes its time over bookings, as a server does."""
    sandbox = EgumaSandbox(options=options)
    sandbox.faults.add(Delay(path=BOOKING, seconds=0.003, times=None))
    return sandbox


def probe_of(sandbox: EgumaSandbox, transport=None) -> EgumaProbe:
    wire = Wire(
        transport or sandbox.transport(),
        "http://127.0.0.1",
        key_credentials(sandbox.demo_key),
        clock=sandbox.clock,
    )
    return EgumaProbe(wire, simulated_circumstances(sandbox))


def behind(sandbox: EgumaSandbox) -> list[str]:
    """Return what a calibration has left at a sandbox."""
    bookings = [str(each.status) for each in sandbox.bookings() if each.status != "cancelled"]
    return [*map(str, sandbox.holds()), *bookings]
