"""What README and docs say: every example runs and is typed, every link leads somewhere."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

from eguma_async.core import errors
from eguma_async.sandbox import EgumaSandbox, serve

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text("utf-8")
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
OTHERS = [
    ROOT / name
    for name in ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "benchmarks/README.md")
]
TEXTS = {path.relative_to(ROOT).as_posix(): path.read_text("utf-8") for path in (*PAGES, *OTHERS)}


def blocks(text, language):
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


EXAMPLES = {
    f"{page.stem.lower()}_{number}": example
    for page in PAGES
    for number, example in enumerate(blocks(page.read_text("utf-8"), "python"), 1)
}


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs_without_a_warning(name, tmp_path):
    script = tmp_path / f"{name}.py"
    script.write_text(EXAMPLES[name], "utf-8")
    is_test = re.search(r"^class Test|^(async )?def test_", EXAMPLES[name], re.MULTILINE)
    # Without the plugin for asyncio: a transport's tests need none.
    pytest_alone = ["-m", "pytest", "-q", "-p", "no:asyncio", "-p", "no:cacheprovider"]
    # Not with `-X dev`: on a busy machine, asyncio then logs whatever takes a tenth of a second.
    done = subprocess.run(
        [sys.executable, "-W", "error", *(pytest_alone if is_test else ()), script],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if not key.startswith("PYTEST_")},
    )
    assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_examples_are_typed(tmp_path):
    for name, example in EXAMPLES.items():
        (tmp_path / f"{name}.py").write_text(example, "utf-8")
    cache = tmp_path / "cache"
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", cache, tmp_path],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        cwd=ROOT,
    )
    found = f"Success: no issues found in {len(EXAMPLES)} source files\n"
    assert (done.returncode, done.stdout) == (0, found), done.stdout + done.stderr


def test_each_page_has_examples():
    with_examples = {name.rpartition("_")[0] for name in EXAMPLES}
    assert with_examples == {page.stem.lower() for page in PAGES} - {"architecture"}


@pytest.mark.parametrize("name", TEXTS)
def test_each_fence_is_closed(name):
    assert TEXTS[name].count("```") % 2 == 0


@pytest.mark.parametrize("name", TEXTS)
def test_each_link_leads_to_a_file_and_a_heading(name):
    for target in re.findall(r"\]\(([^)\s]+)\)", TEXTS[name]):
        url = urlsplit(target)
        if url.scheme:
            assert url.scheme == "https"
            continue
        file = (ROOT / name).parent / url.path if url.path else ROOT / name
        assert file.is_file(), target
        if url.fragment:
            headings = re.findall(r"^#+ (.*)$", file.read_text("utf-8"), re.MULTILINE)
            anchors = {re.sub(r"[^\w -]", "", h).lower().replace(" ", "-") for h in headings}
            assert url.fragment in anchors, target


def drawn_tree(text):
    """Return the errors of a drawn tree, each with the one it stands below."""
    above, parents = [(-1, "EgumaError")], {}
    for branch, name in re.findall(r"^( *[│ ]*[├└]─) (\w+Error)\b", text, re.MULTILINE):
        while above[-1][0] >= len(branch):
            above.pop()
        parents[name] = above[-1][1]
        above.append((len(branch), name))
    return parents


@pytest.mark.parametrize("text", [README, errors.__doc__], ids=["readme", "docstring"])
def test_the_error_tree_is_the_one_of_the_code(text):
    defined = {
        name: kind.__mro__[1].__name__
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.EgumaError)
    }
    del defined["EgumaError"]
    assert drawn_tree(text) == defined


def test_the_errors_of_the_second_provider_are_named():
    from eguma_async import korus

    own = {
        name
        for name in korus.__all__
        if isinstance(kind := getattr(korus, name), type)
        and issubclass(kind, errors.EgumaError)
        and kind.__module__ == "eguma_async.korus.errors"
    }
    assert all(f"`{name}`" in README for name in own)
    assert len(own) == 4


def help_of(*command):
    done = subprocess.run(
        [sys.executable, "-m", "eguma_async", *command, "--help"],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return set(re.findall(r"^  ([a-z][a-z-]*): ", done.stdout, re.MULTILINE))


def test_the_commands_are_those_there_are():
    section = README.partition("## The command line")[2].partition("\n- ")[0]
    of_both, _, of_korus = section.partition("`eguma korus`")
    named = set(re.findall(r"`([a-z-]+)`", of_both))
    assert named == help_of() - {"demo", "sandbox", "korus"}
    assert set(re.findall(r"`([a-z-]+)`", of_korus)) == help_of("korus")


CURLS = [line for text in TEXTS.values() for line in re.findall(r"^curl .*$", text, re.MULTILINE)]


async def test_each_call_of_the_control_plane_is_answered():
    assert len(CURLS) >= 8
    async with serve(EgumaSandbox()) as server, aiohttp.ClientSession() as client:
        for line in CURLS:
            words = shlex.split(line, comments=True)[1:]
            url = urlsplit(words[-1])._replace(netloc=urlsplit(server.url).netloc).geturl()
            given = dict(zip(words[:-1:2], words[1:-1:2], strict=True))
            method = given.get("-X", "POST" if "-d" in given else "GET")
            async with client.request(method, url, data=given.get("-d")) as response:
                assert (response.status, line) == (200, line)
                assert json.loads(await response.text())


def test_the_changelog_has_each_section_once_and_each_line_once():
    unreleased = TEXTS["CHANGELOG.md"].partition("## [Unreleased]")[2].partition("\n## ")[0]
    sections = re.findall(r"^### (.*)$", unreleased, re.MULTILINE)
    known = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
    assert sections == [section for section in known if section in sections]
    entries = re.findall(r"^- .*$", unreleased, re.MULTILINE)
    assert len(entries) == len(set(entries))
