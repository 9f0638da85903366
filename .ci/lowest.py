"""Print, as constraints for pip, the lowest versions that pyproject.toml allows."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

PROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))[
    "project"
]
LOWER_BOUND = re.compile(r"([A-Za-z0-9_.-]+)(?:\[[^]]*\])?\s*>=\s*([0-9][0-9.]*)")


def main() -> None:
    """Print one constraint a line, such as ``attrs~=24.2.0``: its patches are allowed."""
    extras = PROJECT["optional-dependencies"]
    for requirement in (*PROJECT["dependencies"], *(line for e in extras.values() for line in e)):
        if requirement.startswith(f"{PROJECT['name']}["):  # the extra that names the others
            continue
        found = LOWER_BOUND.match(requirement)
        if found is None:
            sys.exit(f"no lower bound in {requirement!r}")
        name, version = found.groups()
        parts = [*version.split("."), "0", "0"][:3]
        print(f"{name}~={'.'.join(parts)}")


if __name__ == "__main__":
    main()
