"""Each of the rules has a test that bears its number.

1 to 75 are about selling, 76 to 90 about published events and the availability of admissions.
"""

from __future__ import annotations

import ast
from pathlib import Path


def test_each_of_the_90_rules_has_a_test():
    numbers = set()
    for path in Path(__file__).parent.glob("test_rules_*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            name = getattr(node, "name", "")
            if isinstance(node, ast.AsyncFunctionDef) and name.startswith("test_rule_"):
                numbers.add(int(name.split("_")[2]))
    assert numbers == set(range(1, 91))
