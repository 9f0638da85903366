"""Every example in the README runs as it stands."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

README = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES, ids=range(1, len(EXAMPLES) + 1))
def test_the_example_runs_without_a_warning(example: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-X", "dev", "-c", example],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_there_are_examples_and_each_fence_is_closed() -> None:
    assert len(EXAMPLES) >= 4
    assert README.count("```") % 2 == 0


def test_the_error_tree_is_the_one_of_the_code() -> None:
    from eguma_async.core import errors

    drawn = set(re.findall(r"[├└]─ (\w+Error)\b", README))
    defined = {
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.EgumaError)
    } - {"EgumaError"}
    assert drawn == defined
