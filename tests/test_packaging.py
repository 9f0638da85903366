"""What the distribution promises: types, one version, a light import, open upper bounds."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import attrs
import pytest

import eguma_async

pytestmark = pytest.mark.source

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


def run(code):
    ran = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_package_says_that_it_is_typed():
    assert (ROOT / "eguma_async" / "py.typed").read_bytes() == b""


def test_the_version_stands_in_one_place():
    assert PROJECT["project"]["dynamic"] == ["version"]
    assert PROJECT["tool"]["hatch"]["version"]["path"] == "eguma_async/_version.py"
    home = (ROOT / "eguma_async" / "_version.py").read_text("utf-8")
    assert re.search(rf'__version__ = "{re.escape(eguma_async.__version__)}"', home)
    literal = f'"{eguma_async.__version__}"'
    others = [
        path
        for path in (ROOT / "eguma_async").rglob("*.py")
        if path.name != "_version.py" and f"__version__ = {literal}" in path.read_text("utf-8")
    ]
    assert others == []


def test_importing_the_package_loads_no_heavy_part():
    heavy = run(
        "import sys\nbefore = set(sys.modules)\nimport eguma_async\n"
        "eguma_async.__all__, dir(eguma_async), eguma_async.__version__\n"
        "print([m for m in ('aiohttp', 'msgspec', 'cattrs', 'attrs', 'cyclopts', 'rich', 'typing',"
        " 'eguma_async.eguma.session', 'asyncio') if m in sys.modules.keys() - before])"
    )
    assert heavy.strip() == "[]"


def test_models_and_operations_load_without_what_sends_and_reads_them():
    names = [name for name in dir(eguma_async) if _is_a_model(getattr(eguma_async, name))]
    assert {"Order", "Product", "Booking", "BookTickets", "ListOrders", "Event"} <= set(names)
    heavy = run(
        f"import sys\nfrom eguma_async import {', '.join(names)}\n"
        "print([m for m in ('aiohttp', 'asyncio', 'cattrs', 'email', 'logging', 'msgspec',"
        " 'zoneinfo') if m in sys.modules])"
    )
    assert heavy.strip() == "[]"


def _is_a_model(value):
    return attrs.has(value) and value.__module__.startswith("eguma_async.eguma.ticketing.")


def test_each_resource_is_loaded_with_its_first_use():
    loaded = run(
        "import sys\nfrom eguma_async import AsyncSession\n"
        "ticketing = AsyncSession('key').ticketing\n"
        "def loaded(): return [m for m in sys.modules if m.endswith('ticketing.events')]\n"
        "print(len(loaded()))\nassert ticketing.events is ticketing.events\nprint(len(loaded()))"
    )
    assert loaded.split() == ["0", "1"]


def test_errors_and_messages_load_without_the_network_and_the_codec():
    heavy = run(
        "import sys\nfrom eguma_async import EgumaError, HttpRequest, Timeouts, SystemClock\n"
        "print([m for m in ('aiohttp', 'msgspec', 'cattrs') if m in sys.modules])"
    )
    assert heavy.strip() == "[]"


def test_a_session_with_a_transport_of_its_own_never_loads_aiohttp():
    heavy = run(
        "import sys, asyncio\nfrom eguma_async import AsyncSession, MemoryTransport, HttpResponse\n"
        "async def answer(request): return HttpResponse(status=200, body=b'[]')\n"
        "async def main():\n"
        "    async with AsyncSession('k', transport=MemoryTransport(answer)) as session:\n"
        "        await session.ticketing.orders.list()\n"
        "asyncio.run(main())\n"
        "print([m for m in ('aiohttp', 'cyclopts', 'rich') if m in sys.modules])"
    )
    assert heavy.strip() == "[]"


def test_the_extra_all_is_all_that_users_need():
    extras = dict(PROJECT["project"]["optional-dependencies"])
    del extras["docs"]  # builds the site: nobody who sells tickets needs it
    assert extras.pop("all") == [f"eguma_async[{','.join(sorted(extras))}]"]


def test_pytest_finds_the_plugin():
    (module,) = PROJECT["project"]["entry-points"]["pytest11"].values()
    assert list(PROJECT["project"]["entry-points"]["pytest11"]) == ["eguma_async"]
    assert run(f"import {module} as m; print(callable(m.pytest_configure))").strip() == "True"


def test_the_changelog_has_a_section_for_this_version():
    sections = re.findall(
        r"^## \[(.+?)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE
    )
    assert sections[:2] == ["Unreleased", eguma_async.__version__]
    assert len(sections) == len(set(sections))


def test_no_address_is_promised_that_is_not_there():
    """The project has no public home yet; its metadata must not invent one."""
    assert "urls" not in PROJECT["project"]


def requirements():
    project = PROJECT["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    groups += PROJECT["dependency-groups"].values()
    return [line for lines in groups for line in lines if isinstance(line, str)]


@pytest.mark.parametrize("requirement", requirements())
def test_only_aiohttp_has_an_upper_bound(requirement):
    bound = re.findall(r"[<=~!]=?[^=,;\s]+", requirement.partition(";")[0].replace(">=", ""))
    assert bound == (["<4"] if requirement.startswith("aiohttp>") else [])


def test_what_the_package_imports_is_declared():
    declared = {
        re.split(r"[\[><=;~! ]", line)[0].lower() for line in PROJECT["project"]["dependencies"]
    }
    assert {"aiohttp", "attrs", "cattrs", "msgspec"} <= declared


def test_the_time_zones_come_along_on_every_system():
    (line,) = (d for d in PROJECT["project"]["dependencies"] if d.startswith("tzdata"))
    assert ";" not in line  # small images of Linux have none, either


HOLD_WITHOUT_ZONES = """
import sys
sys.modules["tzdata"] = None
import asyncio
from datetime import UTC, datetime
from eguma_async import AsyncSession, HttpResponse, MemoryTransport, TicketItem
from eguma_async.testing import FakeClock

async def answer(request):
    body = b'{"reservation_id":"r1","expires_at":"2027-06-01T13:00:00.0000000"}'
    return HttpResponse(status=200, body=body)

async def main():
    clock = FakeClock(datetime(2027, 6, 1, 10, tzinfo=UTC))
    async with AsyncSession("k", transport=MemoryTransport(answer), clock=clock) as session:
        async with session.ticketing.reservations.hold(
            product_id="a", starts_at=datetime(2027, 6, 1, 14), items=[TicketItem("c", 1)]
        ) as hold:
            print(hold.expires_at_utc, hold.remaining, session.ticketing.today())
asyncio.run(main())
"""


def test_without_any_database_of_time_zones_places_can_be_held():
    import os

    ran = subprocess.run(
        [sys.executable, "-c", HOLD_WITHOUT_ZONES],
        env={**os.environ, "PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert ran.stdout.split() == ["2027-06-01", "11:00:00+00:00", "1:00:00", "2027-06-01"], (
        ran.stderr
    )


def test_the_license_and_the_readme_are_there():
    assert (ROOT / PROJECT["project"]["readme"]).stat().st_size > 0
    assert all((ROOT / name).exists() for name in PROJECT["project"]["license-files"])


def test_the_lowest_python_is_the_same_everywhere():
    assert PROJECT["project"]["requires-python"] == ">=3.11"
    assert PROJECT["tool"]["mypy"]["python_version"] == "3.11"
    assert PROJECT["tool"]["ruff"]["target-version"] == "py311"


def test_the_command_leads_somewhere():
    module, _, name = PROJECT["project"]["scripts"]["eguma"].partition(":")
    assert run(f"import {module} as m; print(callable(m.{name}))").strip() == "True"
