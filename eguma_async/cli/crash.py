"""What the demos of a crash share: a worker that is killed, and a second process that recovers.

The worker is a real process that carries out a real command. It is killed when the sandbox has
done what it was asked for and keeps the answer back: nothing is left but the journal.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import Stop
from .steps import Steps, check_claims
from .tables import print_table
from .text import counted, print_json

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from eguma_async.core.journal import Entry
    from eguma_async.sandbox import Park, Sandbox

PATIENCE = 30.0
"""Seconds after which a process that does nothing is given up."""
LATER = 91
"""Seconds after which what a killed process has begun is taken up by others."""
CLIENT_REF = "order-4711"
ROOT = Path(__file__).parents[2]
CUSTOMER = ("--first-name", "Ada", "--last-name", "Lovelace", "--email", "ada@example.com")


@dataclass(kw_only=True)
class Facts:
    """What came of the demo; the members of its JSON document.

    Attributes:
        killed: Workers killed between the order and its answer.
        recovered: Bookings the second process found confirmed.
        orders: Orders the sandbox holds of what was asked for.
        doubled: How many of them are too many.
        client_ref: Under which reference it was asked for.
        state_before: What the journal said after the crash.
        booking_reference: The order that was made.
        times_sent: How often the sandbox was asked to book.
        keys_sent: How many idempotency keys that was with.
        requests_on_the_wire: All requests.
    """

    killed: int = 0
    recovered: int = 0
    orders: int = 0
    doubled: int = 0
    client_ref: str = CLIENT_REF
    state_before: str = ""
    booking_reference: str = ""
    times_sent: int = 0
    keys_sent: int = 0
    requests_on_the_wire: int = 0


class Crash:
    """A crash of a worker, step by step.

    Args:
        simulated: The sandbox the worker sells in.
        environment: Tells the processes where it is, and the credentials.
        directory: Where the journal is.
    """

    def __init__(self, simulated: Sandbox, environment: Mapping[str, str], directory: Path) -> None:
        self.steps: Steps[Facts] = Steps(simulated, Facts())
        self.journal: Path = directory / "bookings.db"
        paths = (str(ROOT), os.environ.get("PYTHONPATH", ""))
        self._environment = {
            **{name: value for name, value in os.environ.items() if name != "EGUMA_JOURNAL"},
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
            "EGUMA_ASYNC_JOURNAL_KEY": "",
            **environment,
        }

    @property
    def facts(self) -> Facts:
        """What was found out so far."""
        return self.steps.facts

    async def kill(self, park: Park, verb: str, *arguments: str) -> None:
        """Run a worker, and kill it when the sandbox has done what it asks for.

        Args:
            park: Keeps the answer back.
            verb: The command it carries out.
            arguments: Those of the command; the journal and the reference are added.

        Raises:
            Stop: It ended by itself.
        """
        kept = ("--journal", str(self.journal), "--client-ref", CLIENT_REF, "--yes")
        async with self._process("eguma_async", *verb.split(), *arguments, *kept) as worker:
            self.steps.add("Begin", f"process {worker.pid}: eguma {verb} ... {_short(kept)}")
            await _arrival(park, worker)
            is_alive = worker.returncode is None
            worker.kill()
            await worker.wait()
        park.release()
        self.facts.killed += is_alive and worker.returncode != 0
        self.steps.add(
            "Kill", f"process {worker.pid} is killed: the order is made, its answer not sent"
        )
        (entry,) = await self._entries()
        self.facts.state_before = entry.state.value
        self.steps.add("Look", f"the journal has {CLIENT_REF}: {entry.state.value}")

    async def recover(self, verb: str) -> None:
        """Run a second process that recovers.

        Args:
            verb: The command it carries out; the journal is added.

        Raises:
            Stop: It fails.
        """
        arguments = (str(LATER), *verb.split(), "--journal", str(self.journal), "--json")
        async with self._process("eguma_async.cli.later", *arguments) as second:
            out, err = await asyncio.wait_for(second.communicate(), PATIENCE)
        if second.returncode != 0:
            raise Stop(f"the recovery ended with {second.returncode}: {err.decode()}")
        self.facts.recovered = json.loads(out)["confirmed"]
        (entry,) = await self._entries()
        self.facts.booking_reference = _reference(entry)
        self.steps.add(
            "Recover",
            f"process {second.pid}, {LATER} s later (skipped here): {entry.state.value},"
            f" {self.facts.booking_reference}",
        )

    def count(self, orders: int, keys: Sequence[str | None]) -> None:
        """Note what the sandbox has seen.

        Args:
            orders: How many orders it holds of what was asked for.
            keys: The idempotency key of each request to book.
        """
        facts = self.facts
        facts.orders, facts.doubled = orders, max(0, orders - 1)
        facts.times_sent, facts.keys_sent = len(keys), len(set(keys))
        times = {1: "once", 2: "twice"}.get(len(keys), f"{len(keys)} times")
        same_key = " with the same key" if None not in keys and len(set(keys)) < len(keys) else ""
        self.steps.add("Count", f"{counted(orders, 'order')}, sent {times}{same_key}")

    async def _entries(self) -> list[Entry]:
        from eguma_async.journal.kinds import SQLiteJournal

        async with SQLiteJournal(self.journal, key="") as journal:
            return [entry async for entry in journal.entries()]

    @asynccontextmanager
    async def _process(self, module: str, *arguments: str) -> AsyncIterator[Process]:
        """Run a module in a process that does not outlive the block."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", module, *arguments),
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.communicate()


def _short(arguments: Sequence[str]) -> str:
    return " ".join(Path(each).name if os.sep in each else each for each in arguments)


async def _arrival(park: Park, worker: Process) -> None:
    """Wait until the sandbox has done what a worker asked for.

    Raises:
        Stop: The worker ended before, or nothing happens.
    """
    arrived, ended = asyncio.create_task(park.arrived()), asyncio.create_task(worker.wait())
    try:
        await asyncio.wait((arrived, ended), timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
        if not arrived.done():
            raise Stop("the demo failed: the worker did not get as far as to its crash")
    finally:
        for task in (arrived, ended):
            task.cancel()


def _reference(entry: Entry) -> str:
    result: Mapping[str, Any] = entry.result or {}
    return str(result.get("booking_reference") or ", ".join(result.get("references", ())))


@asynccontextmanager
async def crash(simulated: Sandbox, environment: Mapping[str, str]) -> AsyncIterator[Crash]:
    """Prepare a crash with a journal in a directory that is removed in the end."""
    with tempfile.TemporaryDirectory(prefix="eguma-crash-") as directory:
        yield Crash(simulated, environment, Path(directory))


def report(steps: Steps[Facts], *, json: bool) -> None:
    """Print what happened, and check it."""
    facts = steps.facts
    if json:
        print_json(asdict(facts))
    else:
        print_table("A worker that is killed", ("Step", "What happened", ">Requests"), steps.rows)
        times = "once, not twice" if facts.orders == 1 else f"{facts.orders} times"
        sys.stdout.write(
            f"\nThe worker was killed between the order and its answer. The journal knew what was"
            f" asked for:\n{facts.client_ref} is order {facts.booking_reference}."
            f" It was booked {times}. Requests on the wire: {facts.requests_on_the_wire}.\n"
        )
    check(facts)


def check(facts: Facts) -> None:
    """Check every claim of the demo.

    Raises:
        Stop: One does not hold.
    """
    check_claims(
        {
            "a worker was killed": facts.killed == 1,
            "the journal knew of the booking before": facts.state_before == "inflight",
            "the booking was recovered": facts.recovered == 1,
            "the order is known": bool(facts.booking_reference),
            "there is one order": facts.orders == 1,
            "nothing was booked twice": facts.doubled == 0,
            "every request had the same key": facts.keys_sent == 1,
        }
    )
