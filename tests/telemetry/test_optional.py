"""What is said where OpenTelemetry is missing, and that nothing else needs it."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
sys.modules["opentelemetry"] = None  # as if it were not installed
import eguma_async.telemetry
from eguma_async import AsyncSession, ConfigurationError
try:
    import eguma_async.telemetry.otel
except ConfigurationError as error:
    print(error, error.__cause__)
"""


def test_a_package_that_is_missing_is_named():
    done = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == (
        "spans and metrics need OpenTelemetry: pip install 'eguma_async[otel]' None\n"
    )


def test_nothing_else_imports_it():
    code = "import eguma_async.cli, eguma_async.testing, sys; print('opentelemetry' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "False\n", done.stderr
