from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from eguma_async.sandbox import EgumaSandbox, KorusSandbox, Sandbox, serve
from eguma_async.sandbox.korus import TOKEN_PATH

ROOT = Path(__file__).parents[2]
AS_SESSION_LEADER = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0);"
    "os.execv(sys.executable, [sys.executable, '-m', 'eguma_async', *sys.argv[1:]])"
)
"""Makes the terminal on stdin the controlling one, so that closing it sends SIGHUP."""
PATIENCE = 30.0
"""Seconds after which a test gives up waiting for another process or thread."""


class Served:
    """A sandbox served over HTTP by a thread, so that commands have an event loop of their own."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox: Any = sandbox
        self.url = ""
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()))

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._ready.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        assert self._loop is not None
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(PATIENCE)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        async with serve(self.sandbox) as server:
            self.url = server.url
            self._ready.set()
            await self._stop.wait()

    def call(self, coroutine: Coroutine[Any, Any, Any]) -> Any:
        """Run a coroutine in the sandbox's own loop."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def paths(self) -> list[str]:
        return [record.path for record in self.sandbox.requests]


class Child:
    """A command in a process of its own; its stderr (and stdout) is read up to a marker."""

    def __init__(
        self, *arguments: str, env: dict[str, str], controlling: int | None = None, **pipes: Any
    ) -> None:
        how = ["-m", "eguma_async"]
        if controlling is not None:
            how = ["-c", AS_SESSION_LEADER]
            pipes = {**dict.fromkeys(("stdin", "stdout", "stderr"), controlling), **pipes}
        self.process = subprocess.Popen(
            [sys.executable, *how, *arguments],
            env=env,
            cwd=ROOT,
            start_new_session=controlling is not None,
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **pipes},
        )

    def read_until(self, marker: str, descriptor: int | None = None) -> str:
        if descriptor is None:
            assert self.process.stderr is not None
            descriptor = self.process.stderr.fileno()
        seen, deadline = b"", time.monotonic() + PATIENCE
        while marker.encode() not in seen and time.monotonic() < deadline:
            ready, _, _ = select.select([descriptor], [], [], 1.0)
            data = os.read(descriptor, 65536) if ready else None
            assert data != b"", f"ended before {marker!r}: {seen.decode()}"
            seen += data or b""
        assert marker.encode() in seen, seen.decode()
        return seen.decode()

    def interrupt(self, how: signal.Signals = signal.SIGINT) -> None:
        self.process.send_signal(how)

    def finish(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, (out or b"").decode(), (err or b"").decode()

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate(timeout=PATIENCE)


@pytest.fixture
def served() -> Iterator[Served]:
    with Served(EgumaSandbox()) as server:
        yield server


@pytest.fixture
def korus(monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    """A served Korus sandbox that the environment of the commands points to."""
    with Served(KorusSandbox()) as server:
        client_id, client_secret = server.sandbox.demo_client
        monkeypatch.setenv("KORUS_BASE_URL", server.url)
        monkeypatch.setenv("KORUS_TOKEN_URL", server.url + TOKEN_PATH)
        monkeypatch.setenv("KORUS_CLIENT_ID", client_id)
        monkeypatch.setenv("KORUS_CLIENT_SECRET", client_secret)
        yield server


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    korus = ("BASE_URL", "TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET")
    eguma = ("API_KEY", "BASE_URL", "JOURNAL", "JOURNAL_KEY")
    ours = (*(f"EGUMA_{name}" for name in eguma), *(f"KORUS_{name}" for name in korus))
    for name in (*ours, "NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def connected(served: Served, monkeypatch: pytest.MonkeyPatch) -> Served:
    """A served sandbox that the environment of the commands points to."""
    monkeypatch.setenv("EGUMA_BASE_URL", served.url)
    monkeypatch.setenv("EGUMA_API_KEY", served.sandbox.demo_key)
    return served


@pytest.fixture
def start() -> Iterator[Callable[..., Child]]:
    """Start a command in a process of its own, with the environment as it is in the test."""
    children: list[Child] = []

    def begin(*arguments: str, env: dict[str, str] | None = None, **pipes: Any) -> Child:
        settings = {**os.environ, "PYTHONPATH": str(ROOT), **(env or {})}
        children.append(Child(*arguments, env=settings, **pipes))
        return children[-1]

    yield begin
    for child in children:
        child.close()


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """A pseudo-terminal: the test's side and the command's side."""
    ours, theirs = pty.openpty()
    yield ours, theirs
    for descriptor in (ours, theirs):
        with contextlib.suppress(OSError):  # a test may have closed it
            os.close(descriptor)


def on_terminal(
    start: Callable[..., Child],
    *arguments: str,
    columns: int = 80,
    env: dict[str, str],
    errors: bool = False,
) -> tuple[int, str]:
    """Return the exit code of a command and what it prints on a terminal.

    Args:
        start: The fixture.
        arguments: The command line.
        columns: Width of the terminal.
        env: Variables beside those of the test.
        errors: The terminal is its stderr, too.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    pipes = {"stdout": theirs, **({"stderr": theirs} if errors else {})}
    child = start(*arguments, **pipes, env={"TERM": "xterm-256color", **env})
    os.close(theirs)
    seen, deadline = b"", time.monotonic() + PATIENCE
    try:
        while select.select([ours], [], [], max(0.0, deadline - time.monotonic()))[0]:
            seen += os.read(ours, 65536)
        raise AssertionError(f"did not end: {seen[-500:].decode()}")
    except OSError:  # the other side is closed
        pass
    finally:
        os.close(ours)
    code, _, err = child.finish()
    assert "Traceback" not in err, err
    return code, seen.decode().replace("\r\n", "\n")


@pytest.fixture
def customer() -> list[str]:
    return ["--first-name", "Ada", "--last-name", "Lovelace", "--email", "ada@example.com"]
