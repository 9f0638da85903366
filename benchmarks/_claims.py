"""What the table and the picture show of the results: which figures, and in which words.

Results are the documents that ``python -m benchmarks.NAME --json`` prints, by name. What was not
measured is left out. Only ratios and counts are shown: a rate says as much about the machine.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

Results = Mapping[str, Mapping[str, Any]]


@attrs.frozen
class Ratio:
    """A row of the table: one figure with its gate.

    Attributes:
        benchmark: Which one.
        key: Of the figure.
        text: What it is, as Markdown.
        unit: Behind the figure.
    """

    benchmark: str
    key: str
    text: str
    unit: str = "×"

    def cells(self, results: Results) -> tuple[str, str] | None:
        """Return the figure and what is asked of it; None if it was not measured."""
        document = results.get(self.benchmark, {})
        value = document.get(self.key)
        if value is None:
            return None
        gate = document.get("gates", {}).get(self.key, "")
        missed = document.get("holds", {}).get(self.key) is False
        shown = f"{short(value)} {self.unit}".rstrip()
        return (f"**{shown}, missed**" if missed else shown), _in_words(gate, self.unit)


@attrs.frozen
class Count:
    """A row of the table: how often something was tried, and how often it went wrong.

    Attributes:
        benchmark: Which one.
        tried: Key of how often it was tried; empty if the text does not say.
        text: What it is, as Markdown; ``{}`` is how often.
        faults: Keys of what went wrong; all are 0. A list counts by its length.
        wanted: Key of what is to be as many as were tried, if it is so and not that faults are 0.
    """

    benchmark: str
    tried: str
    text: str
    faults: tuple[str, ...] = ()
    wanted: str = ""

    def cells(self, results: Results) -> tuple[str, str] | None:
        """Return how often it went wrong, and that it never may; None if it was not measured."""
        document = results.get(self.benchmark)
        if document is None:
            return None
        if self.wanted:
            found, asked = document[self.wanted], document[self.tried]
        else:
            found, asked = sum(document[fault] for fault in self.faults), 0
        shown = f"{found:,.0f}"
        return (shown if found == asked else f"**{shown}, missed**"), f"{asked:,}"

    def words(self, results: Results) -> str:
        """Return what it is."""
        tried = results[self.benchmark][self.tried] if self.tried else 0
        return self.text.format(f"{tried:,}")


Row = Ratio | Count


@attrs.frozen
class Section:
    """Rows with a title.

    Attributes:
        title: What they are about, as Markdown.
        rows: All that may be there.
    """

    title: str
    rows: tuple[Row, ...]


def short(value: float) -> str:
    """Write a figure in two or three digits."""
    digits = 0 if value >= 20 else 1 if value >= 5 else 2 if value >= 0.02 or not value else 3
    return f"{value:.{digits}f}"


def _in_words(gate: str, unit: str) -> str:
    if not gate:
        return ""
    sign, limit = gate.split()
    return f"{'at least' if sign == '>=' else 'at most'} {short(float(limit))} {unit}".rstrip()


SECTIONS = (
    Section(
        "Calls a second of CPU, answers of 20 KB (`overhead`; more is better)",
        (
            Ratio("overhead", "sdk_vs_best_aiohttp", "to the best hand-written aiohttp loop"),
            Ratio("overhead", "lean_vs_best_aiohttp", "the same, over the lean transport"),
            Ratio("overhead", "lean_vs_best_aiohttp_1kb", "the same, with answers of 1 KB"),
            Ratio("overhead", "lean_vs_limit", "over lean, to bare asyncio with msgspec"),
            Ratio("overhead", "sdk_vs_aiohttp_cattrs", "to aiohttp, orjson and cattrs"),
            Ratio("overhead", "sdk_vs_httpx_pydantic", "to httpx and pydantic"),
        ),
    ),
    Section(
        "5,000 reads, 100 at once (`fanout`; less is better)",
        (
            Ratio("fanout", "wall_vs_socket_client", "time, to that of a bare socket client"),
            Ratio("fanout", "cpu_vs_socket_client", "CPU, to that of a bare socket client"),
            Ratio("fanout", "wall_vs_ideal_100ms", "time of 2,000 reads of 100 ms, to the ideal"),
            Ratio("fanout", "memory_exponent", "growth of memory with their number: 0 is flat", ""),
        ),
    ),
    Section(
        "Decoding 365 slots (`decode`)",
        (
            Ratio("decode", "vs_bare_msgspec_attrs", "to bare msgspec on the same classes (less)"),
            Ratio("decode", "vs_msgspec_struct", "to msgspec structs (less)"),
            Ratio("decode", "speedup_vs_pydantic", "faster than pydantic (more)"),
            Ratio("decode", "speedup_vs_cattrs", "faster than orjson and cattrs (more)"),
            Ratio("decode", "slowest_known_variant_vs_fast", "the oddest known answer (less)"),
            Ratio("decode", "peak_vs_input", "peak of memory, to the bytes of the answer (less)"),
        ),
    ),
    Section(
        "Years of orders (`orders`)",
        (
            Ratio("orders", "speedup_vs_cattrs", "faster than orjson and cattrs at once (more)"),
            Ratio("orders", "speedup_vs_ijson", "faster than ijson with conversion (more)"),
            Ratio("orders", "peak_vs_body", "peak of memory, to the bytes of the answer (less)"),
            Ratio("orders", "peak_exponent", "growth of memory with the answer: 0 is flat", ""),
        ),
    ),
    Section(
        "A server that slows down (`limiter`; less is better)",
        (
            Ratio("limiter", "worst_vs_fastest", "time, to the fastest limit of each situation"),
            Ratio("limiter", "worst_rejected", "share of requests that were refused", ""),
            Ratio("limiter", "paced_vs_ideal", "200 reads at 20 a second, to the ideal time"),
        ),
    ),
    Section(
        "On a cluster (`cluster`)",
        (Ratio("cluster", "dask_vs_plain", "rate with Dask, to a plain loop (more)"),),
    ),
    Section(
        "The sandbox over HTTP, to a server of canned answers (`sandbox`; more is better)",
        (
            Ratio("sandbox", "sandbox_vs_canned", "one read again and again"),
            Ratio("sandbox", "varied_vs_canned", "varied reads"),
        ),
    ),
    Section(
        "Imports, CPU to that of `import aiohttp` (`imports`; less is better)",
        (
            Ratio("imports", "package_vs_aiohttp", "`import eguma_async`"),
            Ratio("imports", "models_vs_aiohttp", "all models"),
            Ratio("imports", "client_vs_aiohttp", "a session, ready to send"),
            Ratio("imports", "client_fast_vs_aiohttp", "the same, over the lean transport"),
            Ratio("imports", "help_vs_aiohttp", "`eguma --help`"),
        ),
    ),
    Section(
        "What must never happen",
        (
            Count(
                "crash",
                "kills",
                "bookings lost, doubled or in doubt after {} kills",
                faults=("lost", "duplicated", "zombie", "unresolved", "mismatched"),
            ),
            Count(
                "powercut",
                "acknowledged",
                "of {} acknowledged rows, lost in a power cut",
                faults=("acknowledged_lost", "corrupt"),
            ),
            Count(
                "oversell",
                "sold",
                "of {} places sold in races, sold twice or by mistake",
                faults=(
                    "oversold",
                    "phantom_confirmations",
                    "doubled",
                    "zombies",
                    "unaccounted",
                    "not_linearizable",
                ),
            ),
            Count(
                "cancels",
                "cancels",
                "things left behind by {} cancelled calls",
                faults=(
                    "writes_untold",
                    "leaked_tasks",
                    "leaked_permits",
                    "leaked_slots",
                    "leaked_descriptors",
                ),
            ),
            Count("sync", "runs", "copies of orders that are equal, of {}", wanted="equal"),
            Count(
                "cluster",
                "",
                "results missing after a worker was killed",
                faults=("missing_after_killed_worker",),
            ),
        ),
    ),
)

BRIEF: tuple[Ratio | Count, ...] = (
    Ratio(
        "overhead",
        "lean_vs_best_aiohttp",
        "calls a second of CPU over the lean transport, to the best aiohttp loop (more)",
    ),
    Ratio("overhead", "sdk_vs_best_aiohttp", "the same, over aiohttp (more)"),
    Ratio("decode", "speedup_vs_pydantic", "decoding 365 slots, faster than pydantic (more)"),
    *(row for row in SECTIONS[-1].rows if row.benchmark in {"crash", "oversell"}),
)
"""What README has room for."""


@attrs.frozen
class Bar:
    """One bar of the picture: a name, and how to get its length from the results of a benchmark."""

    name: str
    length: Callable[[Mapping[str, Any]], float]
    is_ours: bool = False


@attrs.frozen
class Panel:
    """Bars that are compared with each other; shorter is better.

    Attributes:
        benchmark: Whose results.
        title: What is compared.
        bars: All that may be there.
    """

    benchmark: str
    title: str
    bars: tuple[Bar, ...]

    def lengths(self, results: Results) -> list[tuple[Bar, float]]:
        """Return the bars that were measured, each with its length."""
        found = []
        for bar in self.bars:
            try:
                found.append((bar, float(bar.length(results[self.benchmark]))))
            except (KeyError, TypeError):  # not measured, or not there
                continue
        return found


def _one(key: str) -> Callable[[Mapping[str, Any]], float]:
    """Return the length of what others are compared with by a figure."""
    return lambda of: of[key] / of[key]


PANELS = (
    Panel(
        "overhead",
        "CPU of a call, answer of 20 KB (the best aiohttp loop is 1)",
        (
            Bar("bare asyncio", lambda of: of["lean_vs_limit"] / of["lean_vs_best_aiohttp"]),
            Bar("eguma_async, lean transport", lambda of: 1 / of["lean_vs_best_aiohttp"], True),
            Bar("best aiohttp loop", _one("sdk_vs_best_aiohttp")),
            Bar("eguma_async, aiohttp", lambda of: 1 / of["sdk_vs_best_aiohttp"], True),
            Bar(
                "aiohttp, orjson, cattrs",
                lambda of: of["sdk_vs_aiohttp_cattrs"] / of["sdk_vs_best_aiohttp"],
            ),
            Bar(
                "httpx, pydantic",
                lambda of: of["sdk_vs_httpx_pydantic"] / of["sdk_vs_best_aiohttp"],
            ),
        ),
    ),
    Panel(
        "fanout",
        "Time of 5,000 reads, 100 at once (a bare socket client is 1)",
        (
            Bar("bare socket client", _one("wall_vs_socket_client")),
            Bar("eguma_async, lean transport", lambda of: of["wall_vs_socket_client"], True),
            Bar("eguma_async, aiohttp", lambda of: of["sdk_wall_vs_socket_client"], True),
            Bar("gather and a semaphore", lambda of: of["gather_wall_vs_socket_client"]),
            Bar("httpx, pydantic", lambda of: of["httpx_wall_vs_socket_client"]),
        ),
    ),
    Panel(
        "decode",
        "Decoding 365 slots (eguma_async is 1)",
        (
            Bar("msgspec structs", lambda of: 1 / of["vs_msgspec_struct"]),
            Bar("bare msgspec", lambda of: 1 / of["vs_bare_msgspec_attrs"]),
            Bar("eguma_async", _one("vs_bare_msgspec_attrs"), True),
            Bar("pydantic", lambda of: of["speedup_vs_pydantic"]),
            Bar("orjson, cattrs", lambda of: of["speedup_vs_cattrs"]),
        ),
    ),
    Panel(
        "orders",
        "Reading a very long list of orders (eguma_async is 1)",
        (
            Bar("eguma_async", _one("speedup_vs_cattrs"), True),
            Bar("ijson", lambda of: of["speedup_vs_ijson"]),
            Bar("orjson, cattrs", lambda of: of["speedup_vs_cattrs"]),
        ),
    ),
    Panel(
        "imports",
        "CPU of an import (import aiohttp is 1)",
        (
            Bar("import eguma_async", lambda of: of["package_vs_aiohttp"], True),
            Bar("eguma --help", lambda of: of["help_vs_aiohttp"], True),
            Bar("all models", lambda of: of["models_vs_aiohttp"], True),
            Bar("session, lean transport", lambda of: of["client_fast_vs_aiohttp"], True),
            Bar("import aiohttp", _one("aiohttp_ms")),
            Bar("session, aiohttp", lambda of: of["client_vs_aiohttp"], True),
        ),
    ),
)
