"""Packages that a user may lack: what is said then, and that nothing needs them before."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CODE = """
import sys
sys.modules[{package!r}] = None  # as if it were not installed
import eguma_async
from eguma_async import ConfigurationError
from eguma_async.journal.stores.sqlite import SQLiteStore
try:
    import eguma_async.journal.stores.{module}
except ConfigurationError as error:
    print(error, error.__cause__)
"""


@pytest.mark.parametrize(
    ("module", "package", "extra"),
    [("postgres", "asyncpg", "postgres"), ("redis", "redis", "redis")],
)
def test_a_package_that_is_missing_is_named(module, package, extra):
    done = subprocess.run(
        [sys.executable, "-c", CODE.format(module=module, package=package)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"needs {package}: pip install 'eguma_async[{extra}]' None" in done.stdout
