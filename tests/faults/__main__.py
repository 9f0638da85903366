"""Runs the fault matrix and prints it: ``python -m tests.faults [ids or letters] [--json]``."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence

from . import matrix


def _chosen(wanted: Sequence[str]) -> list[str]:
    known = matrix.all_ids()
    if unknown := [each for each in wanted if each not in known and each not in matrix.SIZES]:
        raise SystemExit(f"no row and no letter: {', '.join(unknown)}")
    return [each for each in known if not wanted or each in wanted or each[0] in wanted]


def _result(row_id: str) -> dict[str, object]:
    row = matrix.ROWS.get(row_id)
    if row is None:
        reason = matrix.LEFT_OUT.get(row_id, "not written yet")
        return {"row": row_id, "result": "left out", "why": reason}
    told = {"row": row.id, "fault": row.fault, "expected": row.expected}
    began = time.perf_counter()
    try:
        why = matrix.broken(row)
    except matrix.CannotRunError as reason:
        return {**told, "result": "left out", "why": str(reason)}
    seconds = round(time.perf_counter() - began, 3)
    result = "held" if why is None else "BROKEN"
    return {**told, "result": result, "why": why, "seconds": seconds}


def _print_table(results: list[dict[str, object]]) -> None:
    for each in results:
        if each["result"] == "left out":
            continue
        print(f"{each['row']:<4} {each['result']:<7} {each['fault']}")
        print(f"{'':12} -> {each['expected']}")
        if each["why"]:
            print(f"{'':12} !! {each['why']}")
    reasons: dict[object, list[str]] = {}
    for each in results:
        if each["result"] == "left out":
            reasons.setdefault(each["why"], []).append(str(each["row"]))
    if reasons:
        print("\nLeft out")
    for reason, rows in reasons.items():
        print(f"  {', '.join(rows)}: {reason}")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rows asked for; return 1 if one is broken."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("rows", nargs="*", help="ids such as N8, or letters; all by default")
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")
    options = parser.parse_args(arguments)
    matrix.load()
    results = [_result(row_id) for row_id in _chosen(options.rows)]
    count = {
        name: sum(each["result"] == name for each in results)
        for name in ("held", "BROKEN", "left out")
    }
    if options.json:
        print(json.dumps({"rows": results, "totals": count}, indent=2))
    else:
        _print_table(results)
        run = count["held"] + count["BROKEN"]
        print(
            f"\n{run} rows run: {count['held']} held, {count['BROKEN']} broken;"
            f" {count['left out']} left out"
        )
    return 1 if count["BROKEN"] else 0


if __name__ == "__main__":
    sys.exit(main())
