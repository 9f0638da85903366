"""mypy reads `tests/typing/api.py` as a user's program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def mypy(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores", *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )


def test_a_users_program_gets_the_types_the_api_promises(tmp_path):
    ran = mypy("--cache-dir", str(tmp_path), "tests/typing/api.py")
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_check_can_fail(tmp_path):
    wrong = tmp_path / "wrong.py"
    wrong.write_text(
        "from eguma_async import AsyncSession\n"
        "async def f(s: AsyncSession) -> int:\n"
        "    return await s.ticketing.products.list()\n"
    )
    ran = mypy("--cache-dir", str(tmp_path / "cache"), str(wrong))
    assert ran.returncode == 1
    assert 'expected "int"' in ran.stdout
