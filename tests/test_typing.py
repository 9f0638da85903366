"""mypy reads `tests/typing/api.py`, and the examples of README and docs, as users' programs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.support.examples import named_blocks

ROOT = Path(__file__).parents[1]
WRONG = """\
from eguma_async import AsyncSession

async def f(s: AsyncSession) -> int:
    return await s.ticketing.products.list()
"""


def test_users_programs_get_the_types_that_the_api_promises(tmp_path):
    """All at once, as most of the time goes into reading the package."""
    examples = {f"{name}.py": code for name, code in named_blocks("python").items()}
    assert len(examples) > 50
    for name, code in {**examples, "wrong.py": WRONG}.items():
        (tmp_path / name).write_text(code, "utf-8")
    ran = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--strict", "--warn-unused-ignores"),
            *("--cache-dir", "/dev/null", "tests/typing/api.py", tmp_path),
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )
    *errors, summary = ran.stdout.splitlines()
    checked = f"(checked {len(examples) + 2} source files)"
    assert summary == f"Found 1 error in 1 file {checked}", ran.stdout + ran.stderr
    assert [(error.split(":")[0][-8:], 'expected "int"' in error) for error in errors] == [
        ("wrong.py", True)
    ]
