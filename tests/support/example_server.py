"""Runs scripts and commands, each in a process forked from one that has the package loaded.

A fresh interpreter spends most of an example's time on imports. Here they are paid once: the
process reads one JSON object a line on stdin, forks, and answers with the exit code. Warnings are
errors, as it is started with ``-W error``; what an example writes goes into the files it is given.
"""

from __future__ import annotations

import atexit
import contextlib
import gc
import json
import os
import runpy
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

LOADED = (
    "asyncio",
    "email.message",
    "eguma_async.korus",
    "eguma_async.journal.kinds",
    "eguma_async.sandbox.eguma",
    "eguma_async.sandbox.korus",
    "eguma_async.testing",
    "eguma_async.eguma.ticketing.bookings",
    "eguma_async.eguma.ticketing.orders",
    "eguma_async.eguma.ticketing.reservations",
    "eguma_async.transports.aiohttp",
    "eguma_async.cli.app",
    "eguma_async.testing.contract",
    "hypothesis",  # pytest loads it, with the plugins that are installed
    "pytest",
)
LONGEST_SECONDS = 120


def _finished(code: int) -> int:
    """Do what an interpreter does at its end, so that what is left open warns."""
    threading._shutdown()  # type: ignore[attr-defined]  # joins what `Thread.join` was not called for
    gc.collect()
    atexit._run_exitfuncs()
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    return code


def _exit_code(error: SystemExit) -> int:
    if error.code is None or isinstance(error.code, int):
        return error.code or 0
    print(error.code, file=sys.stderr)
    return 1


def _script(path: str) -> int:
    try:
        runpy.run_path(path, run_name="__main__")
    except SystemExit as error:
        return _exit_code(error)
    except BaseException:  # as an interpreter would
        traceback.print_exc()
        return 1
    return 0


def _tests(arguments: list[str]) -> int:
    import pytest

    return int(pytest.main(arguments))


def _command(arguments: list[str]) -> int:
    from eguma_async.cli.app import execute

    return execute(arguments)


KINDS: dict[str, Callable[[Any], int]] = {
    "script": _script,
    "tests": _tests,
    "command": _command,
}


def _child(job: dict[str, Any]) -> int:
    signal.alarm(LONGEST_SECONDS)
    os.chdir(job["directory"])
    for number, name in ((1, "stdout"), (2, "stderr")):
        target = os.open(job[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(target, number)
        os.close(target)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    sys.path[0] = job["directory"]
    return _finished(KINDS[job["kind"]](job["what"]))


def main() -> None:
    for name in LOADED:
        import_module(name)
    gc.collect()
    gc.freeze()
    for line in sys.stdin:
        child = os.fork()
        if not child:
            code = 70
            try:
                code = _child(json.loads(line))
            finally:
                os._exit(code)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd()))
    main()
