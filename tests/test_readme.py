"""What README and docs say: every example runs, every link leads somewhere.

Their types are looked at in test_typing.py, together with those of a user's program.
"""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from urllib.parse import urlsplit

import aiohttp
import pytest
from cyclopts import CycloptsError

from eguma_async.cli.app import build_app
from eguma_async.cli.calibration import for_its_provider
from eguma_async.cli.terminal import help_console
from eguma_async.core import errors
from eguma_async.sandbox import EgumaSandbox, serve
from tests.support.examples import (
    ROOT,
    SHELLS,
    TEXTS,
    ExampleServer,
    commands,
    is_test,
    named_blocks,
    runs_alone,
)

ERRORS = TEXTS["docs/errors.md"]
EXAMPLES = named_blocks("python")
COMMANDS = commands()
PROSE = {
    "docs/architecture.md",
    "docs/benchmarks.md",
    "docs/wire-eguma.md",
    "docs/wire-korus.md",
    *(path for path in TEXTS if path.startswith(("docs/reference/", "docs/project/"))),
}
"""Pages that explain, and have nothing to run."""


@pytest.fixture(scope="module")
def server():
    with ExampleServer() as running:
        yield running


@pytest.mark.parametrize("name", EXAMPLES)
def test_the_example_runs_without_a_warning(name, server, tmp_path):
    example = EXAMPLES[name]
    script = tmp_path / f"{name}.py"
    script.write_text(example, "utf-8")
    if is_test(example):
        # Without the plugin for asyncio where nothing needs it: a transport's tests do not.
        auto = ["-o", "asyncio_mode=auto", "-o", "asyncio_default_fixture_loop_scope=function"]
        loop = auto if "async def test_" in example else ["-p", "no:asyncio"]
        alone = ["-q", "-p", "no:cacheprovider", "-p", "no:xdist", "-p", "no:cov"]
        done = server.run("tests", [*alone, *loop, str(script)], tmp_path)
    else:
        done = server.run("script", str(script), tmp_path)
    assert (done.code, done.stderr) == (0, ""), done.stdout


def test_an_example_that_warns_or_fails_is_noticed(server, tmp_path):
    """The runner itself: what it is there for."""
    found = {}
    for name, text in {
        "raises": "raise ValueError('wrong')",
        "warns": "import warnings; warnings.warn('old', DeprecationWarning)",
        "leaves": "async def main(): ...\nmain()",
        "open": "f = open(__file__)\ndel f",
        "exits": "raise SystemExit(3)",
        "fine": "print('fine')",
    }.items():
        (tmp_path / f"{name}.py").write_text(text, "utf-8")
        found[name] = server.run("script", str(tmp_path / f"{name}.py"), tmp_path)
    assert (found["fine"].code, found["fine"].stdout) == (0, "fine\n")
    assert found["exits"].code == 3
    assert {name for name, done in found.items() if done.code or done.stderr} == {
        *found.keys() - {"fine"}
    }
    assert "ValueError: wrong" in found["raises"].stderr
    assert "never awaited" in found["leaves"].stderr


@pytest.mark.parametrize("line", COMMANDS)
def test_the_command_line_knows_each_command(line):
    """Options that were renamed or never there."""
    arguments = COMMANDS[line][1:] if COMMANDS[line][:1] == ["--fast"] else COMMANDS[line]
    try:
        build_app(help_console()).parse_args(
            for_its_provider(arguments), exit_on_error=False, print_error=False
        )
    except CycloptsError as error:
        pytest.fail(f"{line}: {error}")


@pytest.mark.parametrize("line", [line for line in COMMANDS if runs_alone(COMMANDS[line])])
def test_the_command_that_needs_no_key_does_what_it_says(line, server, tmp_path):
    done = server.run("command", COMMANDS[line], tmp_path)
    assert done.code == 0, done.stderr


def test_each_block_of_data_can_be_read():
    for name, text in named_blocks("json").items():
        try:
            json.loads(text)
        except ValueError:  # JSON lines
            assert [json.loads(line) for line in text.splitlines()], name
    for text in named_blocks("toml").values():
        assert tomllib.loads(text)


@pytest.mark.parametrize("name", TEXTS)
def test_each_fence_is_closed(name):
    assert TEXTS[name].count("```") % 2 == 0


@pytest.mark.parametrize("name", TEXTS)
def test_each_block_is_of_a_kind_that_is_held_to_something(name):
    """Nothing stands on a page that only looks like code."""
    known = {"python", *SHELLS, "json", "toml", "text", "{eval-rst}", "{toctree}"}
    fences = re.findall(r"^```(.*)$", TEXTS[name], re.MULTILINE)[::2]
    assert {*fences} <= known


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


@pytest.mark.parametrize("text", [ERRORS, errors.__doc__], ids=["page", "docstring"])
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
    assert all(f"`{name}`" in ERRORS for name in own)
    assert len(own) == 4


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
    releases = re.split(r"^## ", TEXTS["CHANGELOG.md"], flags=re.MULTILINE)[1:]
    assert releases[0].startswith("[Unreleased]")
    for release in releases:
        sections = re.findall(r"^### (.*)$", release, re.MULTILINE)
        known = ["Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"]
        assert sections == [section for section in known if section in sections]
        entries = re.findall(r"^- .*$", release, re.MULTILINE)
        assert len(entries) == len(set(entries))
