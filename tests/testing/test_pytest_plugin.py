"""The plugin for pytest, in projects of its users: fixtures, marks, modes, and what it costs."""

from __future__ import annotations

import re
import subprocess
import sys
from fnmatch import fnmatchcase
from types import SimpleNamespace

import pytest

from eguma_async.eguma.ticketing import availabilities, bookings, items, products, reservations
from eguma_async.sandbox import EgumaSandbox, KorusSandbox
from eguma_async.testing import FakeClock, _pytest_faults, _pytest_sessions, pytest_plugin

# The projects below share what is loaded here; what they load themselves goes with them.
SHARED = (availabilities, bookings, items, products, reservations, FakeClock, _pytest_sessions)
ALONE = [
    *(
        part
        for name in ("xdist", "cacheprovider", "cov", "hypothesispytest")
        for part in ("-p", f"no:{name}")
    ),
    "--strict-markers",
]

BOOK = """
from eguma_async import Customer, OutcomeUnknownError, ServerError, TicketItem
import pytest

async def book(sandbox, session):
    example = sandbox.example("time")
    return await session.ticketing.bookings.create(
        product_id=example.product_id,
        starts_at=example.start,
        items=[TicketItem(example.category_ids[0], 2)],
        customer=Customer("Ada", "Lovelace", "ada@example.com"),
    )
"""


@pytest.fixture
def project(pytester):
    """A project of its own; `run(code)` runs its tests and returns what pytest says."""

    def run(code, *arguments, mode="auto", head=BOOK):
        pytester.makeini(
            f"[pytest]\nasyncio_mode = {mode}\nasyncio_default_fixture_loop_scope = function\n"
            "filterwarnings = error\n"
            if mode
            else "[pytest]\nfilterwarnings = error\n"
        )
        pytester.makepyfile(test_it=head + code)
        without = () if mode else ("-p", "no:asyncio")
        return pytester.runpytest_inprocess(*ALONE, *without, *arguments)

    return run


BOTH = """
{mark}
async def test_eguma(eguma_sandbox, eguma_session, eguma_clock):
    assert eguma_session.clock is eguma_sandbox.clock is eguma_clock
    assert eguma_clock.now().isoformat() == "2026-03-02T08:00:00+00:00"
    await book(eguma_sandbox, eguma_session)
    assert len(eguma_sandbox.bookings()) == 1

{mark}
async def test_korus(korus_sandbox, korus_session, eguma_clock):
    assert korus_sandbox.clock is eguma_clock
    assert [catalog async for catalog in korus_session.catalogs.list()]
"""


@pytest.mark.parametrize(("mode", "mark"), [("auto", ""), ("strict", "@pytest.mark.asyncio")])
def test_sessions_work_in_both_modes_of_pytest_asyncio(project, mode, mark):
    project(BOTH.format(mark=mark), mode=mode).assert_outcomes(passed=2)


def test_sessions_work_with_anyio_alone(project):
    backend = "\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n"
    result = project(BOTH.format(mark="@pytest.mark.anyio") + backend, mode=None)
    result.assert_outcomes(passed=2)


def test_sessions_work_with_anyio_beside_pytest_asyncio(project):
    backend = "\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n"
    result = project(BOTH.format(mark="@pytest.mark.anyio") + backend, mode="strict")
    result.assert_outcomes(passed=2)


def test_two_plugins_that_share_a_test_are_told_apart_in_words(project):
    """Else the session would be said to belong to another event loop."""
    backend = "\n@pytest.fixture\ndef anyio_backend(): return 'asyncio'\n"
    result = project(BOTH.format(mark="@pytest.mark.anyio") + backend, mode="auto")
    result.assert_outcomes(errors=2)
    result.stdout.fnmatch_lines("pytest-asyncio runs this test, and anyio its fixtures*strict*")


def test_anyio_on_another_framework_is_refused_in_words(project):
    backend = "\n@pytest.fixture\ndef anyio_backend(): return 'trio'\n"
    result = project(
        "@pytest.mark.anyio\nasync def test_it(eguma_session): ..." + backend, mode=None
    )
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("eguma_session runs on asyncio, and this test on trio: override *")


def test_without_a_plugin_for_coroutines_a_session_says_what_to_do(project):
    result = project("def test_it(eguma_session): ...", mode=None)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(
        "*eguma_session needs a plugin that runs coroutines: install pytest-asyncio, or mark the*"
    )


def test_a_sandbox_needs_no_plugin_for_coroutines(project):
    code = """
import asyncio
from eguma_async import AsyncSession

@pytest.mark.eguma_fault("lost_reply", on="booking")
def test_it(eguma_sandbox, eguma_clock):
    async def main():
        async with AsyncSession(
            eguma_sandbox.demo_key, transport=eguma_sandbox.transport(), clock=eguma_clock
        ) as session:
            await book(eguma_sandbox, session)
    asyncio.run(main())
    assert len(eguma_sandbox.bookings()) == 1
"""
    project(code, mode=None).assert_outcomes(passed=1)


@pytest.mark.parametrize("where", ["mark", "setting"])
def test_a_session_lives_on_the_loop_of_its_test(project, where):
    """Bound to a loop of its own, it would refuse to work on that of the test."""
    mark = "pytestmark = pytest.mark.asyncio(loop_scope='module')\n" if where == "mark" else ""
    setting = () if mark else ("-o", "asyncio_default_test_loop_scope=session")
    code = """
async def test_one(eguma_sandbox, eguma_session):
    await book(eguma_sandbox, eguma_session)

async def test_another(korus_session):
    assert [catalog async for catalog in korus_session.catalogs.list()]
"""
    project(mark + code, *setting).assert_outcomes(passed=2)


def test_an_older_pytest_asyncio_does_not_keep_pytest_from_starting():
    """Before 0.24, its fixtures took no scope of a loop."""

    def fixture(function=None, **kwargs):
        return pytest.fixture(function, **kwargs)

    made = pytest_plugin._async_fixtures(SimpleNamespace(fixture=fixture))
    assert {"_eguma_session_asyncio_function", "_korus_session_asyncio_session"} <= vars(
        made
    ).keys()
    for without in (None, SimpleNamespace()):
        assert "_eguma_session_asyncio_function" not in vars(pytest_plugin._async_fixtures(without))


def test_an_older_pytest_knows_all_that_the_hooks_ask_for():
    hooks = [*vars(pytest_plugin).values(), *vars(pytest_plugin._AfterTheCall).values()]
    asked = [hook.pytest_impl for hook in hooks if hasattr(hook, "pytest_impl")]
    assert len(asked) == 4
    assert not any(options["wrapper"] or options["hookwrapper"] for options in asked)


def test_a_session_is_closed_after_its_test(project):
    code = """
seen = []

async def test_one(eguma_session):
    seen.append(eguma_session)

async def test_another():
    from eguma_async import SessionStateError
    with pytest.raises(SessionStateError, match="closed"):
        await seen[0].ticketing.products.list()
"""
    project(code).assert_outcomes(passed=2)


def test_environment_and_time_of_day_have_no_say(project, monkeypatch):
    for name, value in {
        "EGUMA_BASE_URL": "https://elsewhere.example/prefix",
        "EGUMA_API_KEY": "live-key",
        "EGUMA_MAX_RETRIES": "0",
        "EGUMA_TIMEOUT": "soon",
        "EGUMA_PROFILE": "nowhere",
        "KORUS_BASE_URL": "https://elsewhere.example/prefix",
        "KORUS_TOKEN_URL": "https://elsewhere.example/token",
        "KORUS_MAX_RETRIES": "many",
        "KORUS_PROFILE": "nowhere",
    }.items():
        monkeypatch.setenv(name, value)
    code = """
@pytest.mark.eguma_fault("unavailable", on="products")
async def test_eguma(eguma_sandbox, eguma_session):
    await eguma_session.ticketing.products.list()
    assert {record.path for record in eguma_sandbox.requests} == {"/v1/ticketing/products.json"}

@pytest.mark.korus_fault("unavailable", on="catalogs")
async def test_korus(korus_sandbox, korus_session):
    assert [catalog async for catalog in korus_session.catalogs.list()]
    assert "/realms/" in list(korus_sandbox.requests)[0].path
"""
    project(code).assert_outcomes(passed=2)


def test_the_same_test_sees_the_same_ids_and_pauses(project):
    code = """
@pytest.mark.parametrize("turn", [1, 2])
@pytest.mark.eguma_fault("unavailable", on="booking", times=2)
async def test_it(turn, eguma_sandbox, eguma_session, eguma_clock, tmp_path_factory):
    await book(eguma_sandbox, eguma_session)
    (made,) = eguma_sandbox.bookings()
    seen = (eguma_sandbox.demo_key, made.id, made.number, eguma_clock.now())
    kept.append(seen)
    assert kept[0] == seen
    assert eguma_clock.now() > eguma_sandbox.clock.now().replace(minute=0, second=0, microsecond=0)

kept = []
"""
    project(code).assert_outcomes(passed=2)


def test_faults_are_met_from_the_top_down(project):
    code = """
pytestmark = [
    pytest.mark.eguma_fault("reply", status=590, on="products"),
    pytest.mark.eguma_fault("reply", status=591, on="products"),
]

@pytest.mark.eguma_fault("reply", status=592, on="products")
class TestIt:
    @pytest.mark.eguma_fault("reply", status=593, on="products", times=2)
    @pytest.mark.eguma_fault("reply", status=594, path="*/products.json")
    async def test_it(self, eguma_sandbox, eguma_session):
        from eguma_async import AsyncSession, RetryPolicy
        seen = []
        async with AsyncSession(
            eguma_sandbox.demo_key,
            transport=eguma_sandbox.transport(),
            clock=eguma_sandbox.clock,
            retry=RetryPolicy(attempts=1),
        ) as session:
            for _ in range(6):
                with pytest.raises(ServerError) as caught:
                    await session.ticketing.products.list()
                seen.append(caught.value.status)
            await session.ticketing.products.list()
        assert seen == [590, 591, 592, 593, 593, 594]
"""
    project(code).assert_outcomes(passed=1)


def test_every_fault_by_name_is_met_and_survived(project):
    """A booking comes out right, once, whatever happened to its first request."""
    code = f"""
survived = {sorted(set(_pytest_faults.FAULTS) - {"reply", "unauthorized", "server_error"})!r}

@pytest.mark.parametrize(
    "fault",
    [pytest.param(n, marks=pytest.mark.eguma_fault(n, on="booking")) for n in survived],
)
async def test_it(fault, eguma_sandbox, eguma_session):
    await book(eguma_sandbox, eguma_session)
    assert len(eguma_sandbox.bookings()) == 1
    assert [record.path for record in eguma_sandbox.requests].count("/v1/ticketing/booking.json") == 2
"""
    project(code).assert_outcomes(passed=len(_pytest_faults.FAULTS) - 3)


def test_a_fault_that_never_fires_is_an_error_of_the_test(project):
    code = """
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

@pytest.fixture
async def last_words(eguma_session):
    yield
    await eguma_session.ticketing.products.list()

@pytest.mark.eguma_fault("unavailable", on="products")
async def test_met_at_the_end(last_words): ...
"""
    result = project(code)
    result.assert_outcomes(passed=3, failed=3, errors=1)
    result.stdout.no_fnmatch_line("ERROR at * of test_[!i]*")
    result.stdout.fnmatch_lines(
        [
            "the test passed, but never met its fault: eguma_fault('lost_reply', on='booking'); *",
            "*RuntimeError: of its own",
            "the test has the mark eguma_fault, but does not use eguma_sandbox",
            "the test has the mark korus_options, but does not use korus_sandbox",
        ]
    )


USAGE = {
    "eguma_fault()": "name one fault: lost_request, lost_reply, cut_reply*",
    "eguma_fault('lost')": "there is no fault 'lost'; there is lost_request, lost_reply,*",
    "eguma_fault(['lost'])": "there is no fault ['lost']; there is lost_request, lost_reply,*",
    "eguma_fault('busy', on='books')": "there is no operation 'books'; there is products,*booking,*",
    "eguma_fault('busy', on='create_orders')": "there is no operation 'create_orders'; *",
    "eguma_fault('busy', on=['booking'])": "there is no operation ['booking']; there is *",
    "eguma_fault('busy', wait=3)": "busy takes no wait; it takes on, optional, after_commit, *",
    "eguma_fault('busy', on='booking', path='*')": "give either on, or method and path",
    "eguma_fault('busy', times=0)": "*times*1*",
    "eguma_fault('busy', optional=1)": "optional must be True or False",
    "eguma_options(sold_out=1)": "no option sold_out; there is *sold_out_status*",
    "eguma_options(1)": "options are given by name, such as sold_out_status=409",
}


def test_wrong_marks_say_what_there_is(project):
    code = "".join(
        f"@pytest.mark.{mark}\nasync def test_{number}(eguma_sandbox): ...\n"
        for number, mark in enumerate(USAGE)
    )
    result = project(code)
    result.assert_outcomes(errors=len(USAGE))
    result.stdout.no_fnmatch_line("During handling of the above exception*")
    for mark, words in USAGE.items():
        line = f"{mark}: {words}".replace("[", "[[]")
        result.stdout.fnmatch_lines(line)


def test_options_come_from_a_fixture_and_from_marks(project):
    code = """
@pytest.fixture
def eguma_options():
    from eguma_async.sandbox import EgumaOptions
    return EgumaOptions(sold_out_status=409, mismatch_status=418)

@pytest.mark.eguma_options(sold_out_status=422)
class TestIt:
    @pytest.mark.eguma_options(sold_out_code="gone")
    async def test_it(self, eguma_sandbox):
        options = eguma_sandbox.options
        assert (options.sold_out_status, options.sold_out_code) == (422, "gone")
        assert options.mismatch_status == 418

async def test_another(eguma_sandbox):
    assert eguma_sandbox.options.sold_out_status == 409
"""
    project(code).assert_outcomes(passed=2)


def test_options_of_a_session_come_from_a_fixture(project):
    code = """
from eguma_async import MemoryJournal, RetryPolicy

@pytest.fixture
def eguma_session_options():
    return {"retry": RetryPolicy(attempts=1), "journal": MemoryJournal()}

@pytest.fixture
def korus_session_options():
    return {"retry": RetryPolicy(attempts=1)}

@pytest.mark.eguma_fault("lost_reply", on="booking")
async def test_eguma(eguma_sandbox, eguma_session, eguma_clock):
    assert (eguma_session.keeps_journal, eguma_session.clock) == (True, eguma_clock)
    with pytest.raises(OutcomeUnknownError):
        await book(eguma_sandbox, eguma_session)
    (found,) = (await eguma_session.ticketing.bookings.recover()).entries
    assert len(eguma_sandbox.bookings()) == 1

@pytest.mark.korus_fault("unavailable", on="catalogs")
async def test_korus(korus_sandbox, korus_session):
    with pytest.raises(ServerError):
        assert [catalog async for catalog in korus_session.catalogs.list()]
"""
    project(code).assert_outcomes(passed=2)


def test_it_can_be_left_out(project):
    result = project("def test_it(eguma_sandbox): ...", "-p", "no:eguma_async")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines("*fixture 'eguma_sandbox' not found")


def test_pytest_explains_fixtures_and_marks(project):
    shown = project("", "--fixtures").stdout.str()
    for name in pytest_plugin.__all__:
        assert re.search(rf"^{name} -- .*\n    [A-Z].*[.:]", shown, re.MULTILINE), name
    marks = project("", "--markers").stdout.str()
    for mark in ("eguma_fault(name", "korus_fault(name", "eguma_options(", "korus_options("):
        assert f"@pytest.mark.{mark}" in marks


def endpoints(routes):
    found = [match.endpoints for match in routes._plain.values()]
    found += [by_method for _, by_method in routes._patterns]
    return {(e.method, e.path) for by_method in found for e in by_method.values()}


ENDPOINTS = {
    "eguma": endpoints(EgumaSandbox(demo_data=False)._routes),
    "korus": endpoints(KorusSandbox(demo_data=False)._router._routes)
    | {
        ("POST", "/realms/korusticket/protocol/openid-connect/token"),
        ("GET", "/_documents/{name}"),
    },
}
AN_ID = "01234567-89ab-7def-8123-456789abcdef"


@pytest.mark.parametrize("provider", ENDPOINTS)
def test_each_endpoint_has_a_name_of_its_own(provider):
    operations = _pytest_faults.OPERATIONS[provider]
    named = set()
    for method, path in ENDPOINTS[provider]:
        asked_for = re.sub(r"\{\w+\}", AN_ID, path)
        names = [
            name
            for name, (verb, pattern) in operations.items()
            if verb == method and fnmatchcase(asked_for, pattern)
        ]
        assert len(names) == 1, (method, path, names)
        named.update(names)
    assert named == operations.keys()


LOADED = """
import pytest, sys
before = set(sys.modules)
import eguma_async.testing.pytest_plugin
print(*sorted(sys.modules.keys() - before))
"""


def test_a_run_that_does_not_use_it_loads_nothing(tmp_path):
    command = [sys.executable, "-c", LOADED]
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, check=True, cwd=tmp_path
    )
    assert done.stdout.split() == [
        "eguma_async",
        "eguma_async._lazy",
        "eguma_async._names",
        "eguma_async.testing",
        "eguma_async.testing.pytest_plugin",
    ]
