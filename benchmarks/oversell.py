"""Two hundred buyers for the last ten places, again and again: is anything sold twice?

Each race has a fresh sandbox, of e-guma and of Korus in turns, and a virtual clock. The buyers hold
and book, or book at once; they pay slowly, oversleep the end of their hold, change their mind, cut
calls off, and cancel. Requests overtake each other, arrive late or not at all; answers are lost, or
are a 503 or a proxy's 502. Whoever is not told what came of a booking asks again, as the
documentation says.

- ``sold``: places sold in the end, of all races.
- ``oversold``: places sold beyond the capacity at any instant, by the sandbox's own orders. 0.
- ``phantom_confirmations``: bookings a buyer was told of that the sandbox has not, or with other
  tickets. 0.
- ``doubled``, ``zombies``, ``unaccounted``: bookings there more than once, or although the buyer
  was told that they are not, or that nobody asked for. 0.
- ``checked_exactly``: histories of a small race beside each, of 12 buyers, for which it was decided
  whether any order of the operations explains all answers; ``not_linearizable`` of these have none,
  which must be 0. ``undecided`` were given up.

With ``--mutant`` the shop, or the client, is broken on purpose, and ``caught`` tells whether that
was noticed.
"""

from __future__ import annotations

import argparse
import itertools
import logging
import sys
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any

import attrs

from . import _lib, _race
from ._history import check
from ._invariants import Findings
from ._shops import MUTANTS, SHOPS

BUYERS, PLACES = 200, 10
FEW_BUYERS, FEW_PLACES = 12, 5
MOST_OPERATIONS = 60


@attrs.define
class Tally:
    """What all races came to."""

    races: int = 0
    operations: int = 0
    sold: int = 0
    findings: Findings = attrs.Factory(Findings)
    checked_exactly: int = 0
    undecided: int = 0
    not_linearizable: int = 0
    cut_off: int = 0
    weather: Counter[str] = attrs.Factory(Counter)
    bad_races: list[str] = attrs.Factory(list)

    @property
    def holds(self) -> bool:
        """True if nothing was wrong."""
        return not (self.findings or self.not_linearizable or self.undecided)

    def add(self, race: _race.Race) -> None:
        """Count a race."""
        self.operations += len(race.operations)
        self.sold += race.sold
        self.findings.add(race.findings)
        self.weather += race.weather
        self.cut_off += race.cancelled

    def counts(self) -> dict[str, Any]:
        """Return all counts by name."""
        return {
            "races": self.races,
            "sold": self.sold,
            **attrs.asdict(self.findings),
            "checked_exactly": self.checked_exactly,
            "undecided": self.undecided,
            "not_linearizable": self.not_linearizable,
            "operations": self.operations,
            "cut_off": self.cut_off,
            "weather": dict(sorted(self.weather.items())),
            "bad_races": self.bad_races[:10],
            "holds": self.holds,
        }


def race_often(
    races: int,
    providers: Sequence[str],
    *,
    seed: int = 1,
    mutant: str | None = None,
    buyers: int = BUYERS,
) -> Tally:
    """Run races, and a small one beside each.

    Args:
        races: How many.
        providers: Names of the shops, which take turns.
        seed: Of the first race; each has the next one.
        mutant: What is broken on purpose.
        buyers: Of each large race.
    """
    tally = Tally()
    for number, provider in zip(range(seed, seed + races), itertools.cycle(providers)):
        before = attrs.evolve(tally.findings), tally.not_linearizable
        tally.races += 1
        tally.add(_race.run(provider, buyers=buyers, capacity=PLACES, seed=number, mutant=mutant))
        _check_exactly(tally, provider, number, mutant)
        if before != (tally.findings, tally.not_linearizable):
            tally.bad_races.append(f"--provider {provider} --seed {number}")
    return tally


def _check_exactly(tally: Tally, provider: str, seed: int, mutant: str | None) -> None:
    small = _race.run(provider, buyers=FEW_BUYERS, capacity=FEW_PLACES, seed=seed, mutant=mutant)
    tally.findings.add(small.findings)
    if len(small.operations) > MOST_OPERATIONS:
        return
    verdict = check(
        small.operations, capacity=FEW_PLACES, hold_seconds=SHOPS[provider].hold_seconds
    )
    if verdict.linearizable is None:
        tally.undecided += 1
        return
    tally.checked_exactly += 1
    tally.not_linearizable += not verdict.linearizable


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--races", type=int, default=200, help="default: %(default)s")
    parser.add_argument("--provider", choices=(*SHOPS, "both"), default="both")
    parser.add_argument("--seed", type=int, default=1, help="of the first race; default 1")
    parser.add_argument("--mutant", choices=MUTANTS, help="break something on purpose")
    parser.add_argument("--json", action="store_true", help="print one JSON document instead")
    given = parser.parse_args()
    if given.races < 1:
        parser.error("--races must be at least 1")
    providers = [
        name
        for name, shop in SHOPS.items()
        if given.provider in (name, "both") and given.mutant in (None, *shop.mutants)
    ]
    if not providers:
        parser.error(f"{given.provider} cannot be broken so")
    logging.getLogger("eguma_async").setLevel(logging.ERROR)  # each call that is cut off warns
    began = time.perf_counter()
    tally = race_often(given.races, providers, seed=given.seed, mutant=given.mutant)
    counts = tally.counts()
    if given.mutant is not None:
        counts["caught"] = not tally.holds
    _lib.tell(
        "oversell",
        counts,
        as_json=given.json,
        providers=providers,
        mutant=given.mutant,
        seed=given.seed,
        seconds=round(time.perf_counter() - began, 1),
    )
    sys.exit(0 if counts.get("caught", tally.holds) else 1)


if __name__ == "__main__":
    main()
