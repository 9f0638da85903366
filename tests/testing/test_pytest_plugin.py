"""The plugin for pytest, in projects of its users: fixtures, marks, modes, and what it costs.

A run of a project costs more than all its tests, so each project holds many of them.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
import subprocess
import sys
from fnmatch import fnmatchcase
from importlib.metadata import entry_points
from pathlib import Path

import pytest

import eguma_async
from eguma_async import eguma, korus
from eguma_async.sandbox import EgumaSandbox, KorusSandbox
from eguma_async.testing import _pytest_faults, _pytest_sessions, pytest_plugin

# What the tests of a project load goes when it ends, and would come again as something else. So
# all of it is loaded before.
LOADED = [
    _pytest_sessions,
    *(getattr(eguma_async, name) for name in vars(eguma_async)["__all__"]),
    *(
        importlib.import_module(module.name)
        for package in (eguma, korus)
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ),
]
PAGE = Path(__file__).parents[2] / "docs" / "pytest.md"
ALONE = (
    "-v",
    "-p",
    "no:xdist",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:cov",
    "-p",
    "no:hypothesispytest",
)
NAME = "00000000-1111-7222-8333-444444444444"

BOOK = """
import pytest
from eguma_async import Customer, OutcomeUnknownError, TicketItem

async def book(sandbox, session):
    example = sandbox.example("time")
    return await session.ticketing.bookings.create(
        product_id=example.product_id,
        starts_at=example.start,
        items=[TicketItem(example.category_ids[0], 2)],
        customer=Customer("Ada", "Lovelace", "ada@example.com"),
    )
"""
SESSIONS = """
{mark}
async def test_eguma(eguma_sandbox, eguma_session, eguma_clock):
    assert eguma_session.clock is eguma_sandbox.clock is eguma_clock
    assert eguma_clock.now().isoformat() == "2026-03-02T08:00:00+00:00"
    booking = await book(eguma_sandbox, eguma_session)
    assert [order.id for order in eguma_sandbox.bookings()] == [booking.booking_id]

{mark}
async def test_korus(korus_sandbox, korus_session, eguma_clock):
    assert korus_sandbox.clock is eguma_clock
    assert [catalog async for catalog in korus_session.catalogs.list()]
"""
ON_ANYIO = """
@pytest.fixture
def anyio_backend():
    return "asyncio"
"""
ON_TRIO = """
@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["trio"])
def test_trio(anyio_backend, eguma_session): ...
"""


@pytest.fixture
def project(pytester):
    """A project of its own; `run(files)` runs its tests and returns what became of each."""

    def run(files, *arguments, ini=()):
        scope = "asyncio_default_fixture_loop_scope = function"
        usual = ["filterwarnings = error"] + [scope] * ("no:asyncio" not in arguments)
        pytester.makeini("\n".join(["[pytest]", *usual, *ini]))
        for name, text in files.items():
            pytester.makepyfile(**{name: text if name.startswith("test_page") else BOOK + text})
        ran = pytester.runpytest_inprocess(*ALONE, "--strict-markers", *arguments)
        text = ran.stdout.str()
        found = re.findall(r"^\S+?::(\S+) (PASSED|FAILED|ERROR)", text, re.MULTILINE)
        outcomes = {}
        for name, outcome in found:  # one that passed may have an error at its end
            outcomes[name] = outcome.lower()
        return outcomes, text

    return run


FIXTURES = """
import pytest
from eguma_async import RetryPolicy, SessionStateError

seen, kept = [], []

async def test_one(eguma_session):
    seen.append(eguma_session)

async def test_closed_after_its_test():
    with pytest.raises(SessionStateError, match="closed"):
        await seen[0].ticketing.products.list()

@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.eguma_fault("unavailable", on="booking", times=2)
async def test_same_ids_and_pauses(turn, eguma_sandbox, eguma_session, eguma_clock):
    booking = await book(eguma_sandbox, eguma_session)
    kept.append((eguma_sandbox.demo_key, booking.booking_id, eguma_clock.now()))
    assert len(set(kept)) == 1
    assert kept[0][2].isoformat() > "2026-03-02T08:00:00+00:00"

@pytest.mark.eguma_fault("unavailable", on="products")
async def test_no_say_of_the_environment(eguma_sandbox, eguma_session):
    await eguma_session.ticketing.products.list()
    assert {record.path for record in eguma_sandbox.requests} == {"/v1/ticketing/products.json"}

@pytest.mark.korus_fault("unavailable", on="catalogs")
async def test_no_say_of_the_environment_in_korus(korus_sandbox, korus_session):
    assert [catalog async for catalog in korus_session.catalogs.list()]
    assert list(korus_sandbox.requests)[0].path.startswith("/realms/")

class TestOptions:
    @pytest.fixture
    def eguma_options(self):
        from eguma_async.sandbox import EgumaOptions
        return EgumaOptions(sold_out_status=409, mismatch_status=418)

    @pytest.fixture
    def eguma_session_options(self):
        return {"retry": RetryPolicy(attempts=1)}

    @pytest.mark.eguma_options(sold_out_status=422, sold_out_code="gone")
    async def test_mark_over_fixture(self, eguma_sandbox):
        options = eguma_sandbox.options
        assert (options.sold_out_status, options.sold_out_code) == (422, "gone")
        assert options.mismatch_status == 418

    async def test_fixture(self, eguma_sandbox):
        assert eguma_sandbox.options.sold_out_status == 409

    @pytest.mark.eguma_fault("lost_reply", on="booking")
    async def test_session_options(self, eguma_sandbox, eguma_session):
        with pytest.raises(OutcomeUnknownError):
            await book(eguma_sandbox, eguma_session)
        assert len(eguma_sandbox.bookings()) == 1

def test_a_clock_of_their_own(eguma_sandbox, eguma_clock):
    eguma_clock.advance(minutes=30)
    assert eguma_sandbox.clock.now().isoformat() == "2026-03-02T08:30:00+00:00"
"""
ORDER = """
pytestmark = [
    pytest.mark.eguma_fault("reply", status=590, on="products"),
    pytest.mark.eguma_fault("reply", status=591, on="products"),
]

@pytest.fixture
def eguma_session_options():
    from eguma_async import RetryPolicy
    return {"retry": RetryPolicy(attempts=1)}

@pytest.mark.eguma_fault("reply", status=592, on="products")
class TestOrder:
    @pytest.mark.eguma_fault("reply", status=593, on="products", times=2)
    @pytest.mark.eguma_fault("reply", status=594, path="*/products.json")
    async def test_from_the_top_down(self, eguma_sandbox, eguma_session):
        from eguma_async import ServerError
        seen = []
        for _ in range(6):
            with pytest.raises(ServerError) as caught:
                await eguma_session.ticketing.products.list()
            seen.append(caught.value.status)
        await eguma_session.ticketing.products.list()
        assert seen == [590, 591, 592, 593, 593, 594]
"""
SURVIVED = sorted(set(_pytest_faults.FAULTS) - {"reply", "unauthorized", "server_error"})
BY_NAME = f"""
@pytest.mark.parametrize(
    "fault",
    [pytest.param(n, marks=pytest.mark.eguma_fault(n, on="booking")) for n in {SURVIVED!r}],
)
async def test_survived(fault, eguma_sandbox, eguma_session):
    await book(eguma_sandbox, eguma_session)
    assert len(eguma_sandbox.bookings()) == 1
    paths = [record.path for record in eguma_sandbox.requests]
    assert paths.count("/v1/ticketing/booking.json") == 2
"""
IDLE = """
@pytest.mark.eguma_fault("lost_reply", on="booking")
async def test_idle(eguma_session):
    await eguma_session.ticketing.products.list()

@pytest.mark.eguma_fault("lost_reply", on="booking", optional=True)
async def test_optional(eguma_session):
    await eguma_session.ticketing.products.list()

@pytest.mark.eguma_fault("lost_reply", on="booking")
async def test_own_failure(eguma_session):
    raise RuntimeError("of its own")

@pytest.mark.eguma_fault("lost_reply", on="booking")
async def test_unused(): ...

@pytest.mark.korus_options(violation_type="x")
async def test_unused_options(eguma_session): ...

class TestLate:
    @pytest.fixture
    async def at_the_end(self, eguma_session):
        yield
        await eguma_session.ticketing.products.list()

    @pytest.mark.eguma_fault("unavailable", on="products")
    async def test_met_at_the_end(self, at_the_end): ...
"""
USAGE = {
    "eguma_fault()": "name one fault: lost_request, lost_reply, cut_reply*",
    "eguma_fault('lost')": "there is no fault 'lost'; there is lost_request, lost_reply,*",
    "eguma_fault(['lost'])": "there is no fault ['lost']; there is lost_request, lost_reply,*",
    "eguma_fault('busy', on='books')": "there is no operation 'books'; there is *booking,*",
    "eguma_fault('busy', on='create_orders')": "there is no operation 'create_orders'; *",
    "eguma_fault('busy', on=['booking'])": "there is no operation ['booking']; there is *",
    "eguma_fault('busy', wait=3)": "busy takes no wait; it takes on, optional, after_commit, *",
    "eguma_fault('busy', on='booking', path='*')": "give either on, or method and path",
    "eguma_fault('busy', times=0)": "*times*1*",
    "eguma_fault('busy', optional=1)": "optional must be True or False",
    "eguma_options(sold_out=1)": "no option sold_out; there is *sold_out_status*",
    "eguma_options(1)": "options are given by name, such as sold_out_status=409",
}
WRONG = "".join(
    f"@pytest.mark.{mark}\nasync def test_wrong_{number}(eguma_sandbox): ...\n"
    for number, mark in enumerate(USAGE)
)


def test_in_auto_mode(project, pytester, monkeypatch):
    for provider in ("EGUMA", "KORUS"):
        monkeypatch.setenv(f"{provider}_BASE_URL", "https://elsewhere.example/prefix")
        monkeypatch.setenv(f"{provider}_MAX_RETRIES", "0")
    files = {
        "test_sessions": SESSIONS.format(mark=""),
        "test_module_loop": "pytestmark = pytest.mark.asyncio(loop_scope='module')\n"
        + SESSIONS.format(mark="").replace("def test_", "def test_module_loop_"),
        "test_fixtures": FIXTURES,
        "test_order": ORDER,
        "test_by_name": BY_NAME,
        "test_idle": IDLE,
        "test_wrong": WRONG,
    }
    outcomes, text = project(files, ini=["asyncio_mode = auto"])
    assert {name for name, outcome in outcomes.items() if outcome != "passed"} == {
        "test_idle",
        "test_own_failure",
        "test_unused",
        "test_unused_options",
        *(f"test_wrong_{number}" for number in range(len(USAGE))),
    }
    assert len([name for name in outcomes if name.startswith("test_survived[")]) == len(SURVIVED)
    assert {
        "test_eguma",
        "test_korus",
        "test_module_loop_eguma",
        "test_optional",
        "TestOrder::test_from_the_top_down",
        "TestOptions::test_session_options",
        "TestLate::test_met_at_the_end",
    } <= outcomes.keys()
    assert outcomes["test_idle"] == "error"
    lines = text.splitlines()

    def say(words):
        pattern = words.replace("[", "[[]")
        assert any(fnmatchcase(line, pattern) for line in lines), words

    say("the test passed, but never met its fault: eguma_fault('lost_reply', on='booking'); *")
    assert text.count("ERROR at teardown of") == 1
    say("E       RuntimeError: of its own")
    say("the test has the mark eguma_fault, but does not use eguma_sandbox")
    say("the test has the mark korus_options, but does not use korus_sandbox")
    assert "During handling of the above exception" not in text
    for mark, words in USAGE.items():
        say(f"{mark}: {words}")


def test_in_strict_mode_and_with_anyio_beside(project):
    files = {
        "test_sessions": SESSIONS.format(mark="@pytest.mark.asyncio"),
        "test_anyio": ON_ANYIO
        + SESSIONS.format(mark="@pytest.mark.anyio").replace("def test_", "def test_anyio_"),
    }
    ini = ["asyncio_mode = strict", "asyncio_default_test_loop_scope = session"]
    outcomes, text = project(files, ini=ini)
    names = ["test_eguma", "test_korus", "test_anyio_eguma", "test_anyio_korus"]
    assert outcomes == dict.fromkeys(names, "passed"), text


def test_the_coroutines_of_the_page_run(project):
    """Those that need no plugin run with the examples of all pages."""
    coroutines = re.findall(
        r"^```py\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL
    )
    files = {f"test_page_{number}": text for number, text in enumerate(coroutines)}
    outcomes, text = project(files, ini=["asyncio_mode = auto"])
    assert outcomes == {"test_a_lost_reply_sells_once": "passed", "test_over_http": "passed"}, text


def test_without_pytest_asyncio(project):
    files = {
        "test_anyio": ON_ANYIO + SESSIONS.format(mark="@pytest.mark.anyio"),
        "test_trio": ON_TRIO,
        "test_plain": """
import asyncio
from eguma_async import AsyncSession

def test_refused(eguma_session): ...

@pytest.mark.eguma_fault("lost_reply", on="booking")
def test_own_session(eguma_sandbox, eguma_clock):
    async def main():
        async with AsyncSession(
            eguma_sandbox.demo_key, transport=eguma_sandbox.transport(), clock=eguma_clock
        ) as session:
            await book(eguma_sandbox, session)
    asyncio.run(main())
    assert len(eguma_sandbox.bookings()) == 1
""",
    }
    outcomes, text = project(files, "-p", "no:asyncio")
    assert outcomes == {
        "test_eguma": "passed",
        "test_korus": "passed",
        "test_trio[trio]": "error",
        "test_refused": "error",
        "test_own_session": "passed",
    }, text
    assert "\neguma_session needs a plugin that runs coroutines: install pytest-asyncio, or" in text
    assert "\neguma_session runs on asyncio, and this test on trio: override the fixture" in text


def test_it_is_found_and_can_be_left_out(project):
    (entry,) = entry_points(group="pytest11", name="eguma_async")
    assert entry.load() is pytest_plugin
    outcomes, text = project({"test_it": "def test_it(eguma_sandbox): ..."}, "-p", "no:eguma_async")
    assert outcomes == {"test_it": "error"}
    assert "fixture 'eguma_sandbox' not found" in text


def test_pytest_explains_fixtures_and_marks(pytester):
    pytester.makeini("[pytest]\nasyncio_default_fixture_loop_scope = function")
    fixtures = pytester.runpytest_inprocess(*ALONE, "--fixtures").stdout.str()
    for name in pytest_plugin.__all__:
        assert re.search(rf"^{name} -- .*\n    [A-Z].*[.:]", fixtures, re.MULTILINE), name
    marks = pytester.runpytest_inprocess(*ALONE, "--markers").stdout.str()
    for mark in ("eguma_fault(name", "korus_fault(name", "eguma_options(", "korus_options("):
        assert f"@pytest.mark.{mark}" in marks


def endpoints(routes):
    found = [match.endpoints for match in routes._plain.values()]
    found += [by_method for _, by_method in routes._patterns]
    return {(e.method, e.path) for by_method in found for e in by_method.values()}


@pytest.mark.parametrize("provider", ["eguma", "korus"])
def test_each_endpoint_has_one_name(provider):
    if provider == "eguma":
        paths = endpoints(EgumaSandbox(demo_data=False)._routes)
    else:
        paths = endpoints(KorusSandbox(demo_data=False)._router._routes)
        paths |= {("POST", "/realms/korusticket/protocol/openid-connect/token")}
        paths |= {("GET", "/_documents/{name}")}
    operations = _pytest_faults.OPERATIONS[provider]
    for method, path in paths:
        real = re.sub(r"\{\w+\}", NAME, path)
        fitting = [
            name
            for name, (verb, pattern) in operations.items()
            if verb == method and fnmatchcase(real, pattern)
        ]
        assert len(fitting) == 1, (method, path, fitting)
    assert len(operations) == len(paths)


def test_a_run_that_does_not_use_it_loads_next_to_nothing(tmp_path):
    code = """
import pytest, sys
before = set(sys.modules)
import eguma_async.testing.pytest_plugin
print(*sorted(sys.modules.keys() - before))
"""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.split() == [
        "eguma_async",
        "eguma_async._lazy",
        "eguma_async._names",
        "eguma_async.testing",
        "eguma_async.testing.pytest_plugin",
    ]
