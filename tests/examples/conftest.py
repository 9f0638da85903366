"""Programs of `examples/`, started as a user starts them."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PATIENCE = 30


@asynccontextmanager
async def _program(name, *arguments, **environment):
    """Run a program in a process of its own, which does not outlive the block."""
    plain = {key: value for key, value in os.environ.items() if not key.startswith("EGUMA_")}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"examples.{name}", *map(str, arguments)),
        cwd=ROOT,
        env={**plain, **environment},
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


@pytest.fixture
def program():
    return _program


async def _terminated(process):
    """Ask a process to stop, and return its exit code, stdout and stderr."""
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        out, err = await process.communicate()
    return process.returncode, out.decode(), err.decode()


@pytest.fixture
def terminated():
    return _terminated
