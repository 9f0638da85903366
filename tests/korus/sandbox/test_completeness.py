from __future__ import annotations

import re
from pathlib import Path

HERE = Path(__file__).parent


def test_every_rule_of_the_reference_has_a_test():
    texts = [path.read_text(encoding="utf-8") for path in HERE.glob("test_rules_*.py")]
    tested = {int(number) for text in texts for number in re.findall(r"def test_rule_(\d\d)", text)}
    assert tested == set(range(1, 63))
