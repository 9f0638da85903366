"""mypy reads `tests/typing/api.py` as a user's program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
WRONG = """\
from eguma_async import AsyncSession

async def f(s: AsyncSession) -> int:
    return await s.ticketing.products.list()
"""


def test_a_users_program_gets_the_types_the_api_promises(tmp_path):
    wrong = tmp_path / "wrong.py"  # beside it, as most of the time goes into reading the package
    wrong.write_text(WRONG, "utf-8")
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores"),
            *("--cache-dir", tmp_path / "cache", "tests/typing/api.py", wrong),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )
    *errors, summary = ran.stdout.splitlines()
    assert summary.startswith("Found 1 error in 1 file (checked 2 source files)"), ran.stdout
    assert [(error.split(":")[0][-8:], 'expected "int"' in error) for error in errors] == [
        ("wrong.py", True)
    ]
