"""Draw what the commands print, as pictures for the pages: ``python -m tests.support.screenshots``.

Each is a real run on a terminal, against a sandbox. The pictures need no font from the network, and
no path of this machine is on them. Days and times are those of the run.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import io
import os
import pty
import struct
import subprocess
import sys
import tempfile
import termios
from datetime import timedelta
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from eguma_async import (
    AsyncSession,
    Customer,
    EgumaError,
    RetryPolicy,
    SQLiteJournal,
    TicketItem,
)
from eguma_async.sandbox import DropAfter, EgumaSandbox

TARGET = Path(__file__).parents[2] / "docs" / "images"
COLUMNS = 112
FONT = "ui-monospace, 'SF Mono', 'DejaVu Sans Mono', Menlo, Consolas, monospace"
THEME = TerminalTheme(
    (29, 32, 38),
    (214, 219, 227),
    [(69, 74, 84), (232, 122, 122), (140, 200, 120), (224, 190, 110)]
    + [(122, 172, 240), (200, 150, 230), (110, 200, 210), (214, 219, 227)],
)
"""One that stands out on light pages and on dark ones."""


def drawn(name: str, command: str, printed: str) -> str:
    """Return a picture of a command and what it printed."""
    console = Console(record=True, width=COLUMNS, file=io.StringIO(), force_terminal=True)
    console.print(Text.assemble(("$ ", "bold"), (command, "bold")))
    console.print(Text.from_ansi(printed.rstrip()))
    before, _, rest = CONSOLE_SVG_FORMAT.partition("    @font-face")
    after = rest[rest.index("    .{unique_id}-matrix") :]
    plain = (before + after).replace("Fira Code, monospace", FONT).replace("arial", "sans-serif")
    return console.export_svg(title=" ", theme=THEME, code_format=plain, unique_id=f"shot-{name}")


def printed(arguments: list[str], directory: Path) -> str:
    """Return what a command prints on a terminal, without its progress."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 60, COLUMNS, 0, 0))
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("EGUMA_", "KORUS_"))}
    for name in ("NO_COLOR", "COLUMNS", "LINES"):
        kept.pop(name, None)
    child = subprocess.Popen(
        [sys.executable, "-m", "eguma_async", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        cwd=directory,
        env={**kept, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    seen = b""
    with contextlib.suppress(OSError):  # the other side is closed
        while piece := os.read(ours, 65536):
            seen += piece
    os.close(ours)
    if child.wait():
        raise SystemExit(f"eguma {' '.join(arguments)} ended with {child.returncode}")
    return seen.decode().replace("\r\n", "\n")


async def keep_some_bookings(path: Path) -> None:
    """Write a journal: one that was booked, one that was refused, one that nobody knows of."""
    sandbox = EgumaSandbox()
    example = sandbox.example("time")
    async with AsyncSession(
        sandbox.demo_key,
        transport=sandbox.transport(),
        journal=SQLiteJournal(path),
        retry=RetryPolicy(attempts=1),
    ) as session:
        for ref, places in (("order-4711", 2), ("order-4712", 5000), ("order-4713", 1)):
            if ref == "order-4713":
                sandbox.faults.add(DropAfter(path="*/booking.json"))
            with contextlib.suppress(EgumaError):
                await session.ticketing.bookings.create(
                    product_id=example.product_id,
                    starts_at=example.start,
                    items=[TicketItem(example.category_ids[0], places)],
                    customer=Customer("Ada", "Lovelace", "ada@example.com"),
                    client_ref=ref,
                )


def main() -> None:
    """Draw all of them."""
    TARGET.mkdir(exist_ok=True)
    sandbox = EgumaSandbox()
    product = sandbox.example("time").product_id
    day = sandbox.today() + timedelta(days=1)
    commands = {
        "help": "eguma --help",
        "demo": "eguma demo",
        "availabilities": f"eguma availabilities {product} --from {day} --to {day} --sandbox",
        "journal": "eguma journal list --journal bookings.db",
    }
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name)
        asyncio.run(keep_some_bookings(directory / "bookings.db"))
        for picture, command in commands.items():
            text = printed(command.split()[1:], directory)
            (TARGET / f"{picture}.svg").write_text(drawn(picture, command, text), "utf-8")
            sys.stdout.write(f"{picture}.svg: {len(text.splitlines())} lines\n")


if __name__ == "__main__":
    main()
