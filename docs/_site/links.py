"""Makes links that work on GitHub work on the site.

On GitHub the pages link to files outside of `docs`; on the site those are pages below `project`,
each of which is a line here that is replaced by the file's text.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
OUTSIDE = {
    "CHANGELOG.md": "docs/project/changelog.md",
    "CONTRIBUTING.md": "docs/project/contributing.md",
    "SECURITY.md": "docs/project/security.md",
    "benchmarks/README.md": "docs/project/benchmarks.md",
    "LICENSE": "docs/project/license.md",
    "README.md": "docs/index.md",
}
_INSIDE = {page: file for file, page in OUTSIDE.items() if file != "README.md"}
_LINK = re.compile(r"(\]\()([^)\s:]+)(\))")


def for_the_site(page: str, text: str) -> str:
    """Return a page's text with its links as the site needs them.

    Args:
        page: Path of the page from the root of the project.
        text: What stands there.
    """
    file = _INSIDE.get(page)
    if file == "LICENSE":
        text = (ROOT / file).read_text("utf-8")
        return f"# License\n\n```text\n{text}```\n"
    if file:
        text = (ROOT / file).read_text("utf-8")
    parts = re.split(r"(^```.*?^```$)", text, flags=re.MULTILINE | re.DOTALL)
    parts[::2] = [_linked(part, page, file or page) for part in parts[::2]]
    return "".join(parts)


def _linked(text: str, page: str, written_in: str) -> str:
    def replaced(match: re.Match[str]) -> str:
        path, hash_, anchor = match[2].partition("#")
        if not path:
            return match[0]
        target = os.path.normpath(Path(written_in).parent / path)
        target = OUTSIDE.get(target, target)
        return f"{match[1]}{os.path.relpath(target, Path(page).parent)}{hash_}{anchor}{match[3]}"

    return _LINK.sub(replaced, text)
