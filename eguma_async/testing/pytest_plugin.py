"""The plugin for pytest: sandboxes and sessions as fixtures, and faults as marks.

pytest loads it by itself once the package is installed; ``-p no:eguma_async`` leaves it out. It
costs a run that does not use it next to nothing: what a fixture needs is imported by the fixture.

::

    @pytest.mark.eguma_fault("lost_reply", on="booking")
    async def test_a_lost_reply_books_once(eguma_sandbox, eguma_session):
        ...

A coroutine of a test runs in pytest-asyncio, in strict or auto mode, or in anyio's plugin on
asyncio; a session is entered and closed on the event loop of its test.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from inspect import signature
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from eguma_async import AsyncSession, SessionOptions
    from eguma_async.korus import KorusSession
    from eguma_async.sandbox import (
        EgumaOptions,
        EgumaSandbox,
        KorusOptions,
        KorusSandbox,
        SandboxClock,
    )

    from ._pytest_faults import MarkedFaults

__all__ = [
    "eguma_clock",
    "eguma_options",
    "eguma_sandbox",
    "eguma_session",
    "eguma_session_options",
    "korus_options",
    "korus_sandbox",
    "korus_session",
    "korus_session_options",
]

LoopScope = Literal["function", "class", "module", "package", "session"]

_PROVIDERS = ("eguma", "korus")
_LOOP_SCOPES: tuple[LoopScope, ...] = ("function", "class", "module", "package", "session")
_SEED = 1
_MARKS = (
    (
        "eguma_fault(name, *, on=None, times=1, skip=0, optional=False, **details): let something"
        " go wrong between the test and eguma_sandbox, such as eguma_fault('lost_reply',"
        " on='booking'). Several are met one after the other, the upper first. One that never"
        " fires is an error of the test, unless it is optional."
    ),
    (
        "korus_fault(name, *, on=None, times=1, skip=0, optional=False, **details): the same for"
        " korus_sandbox, such as korus_fault('busy', on='create_orders', retry_after=5)."
    ),
    (
        "eguma_options(**options): change what eguma_sandbox does where e-guma's documentation is"
        " silent, such as eguma_options(sold_out_status=409); see EgumaOptions."
    ),
    "korus_options(**options): the same for korus_sandbox; see KorusOptions.",
)

_armed = pytest.StashKey[dict[str, "MarkedFaults"]]()
_passed = pytest.StashKey[bool]()


@pytest.fixture
def eguma_clock() -> SandboxClock:
    """Clock of both sandboxes and their sessions: Monday, 2 March 2026, 8:00 UTC.

    It moves only by `advance`, by `set`, and by the pauses of a session, which take no time.
    Override it to begin at another moment.
    """
    from datetime import UTC, datetime  # noqa: PLC0415  # as all below: for those who use it

    from eguma_async.sandbox import SandboxClock  # noqa: PLC0415

    from .clock import FakeClock  # noqa: PLC0415

    return SandboxClock(FakeClock(datetime(2026, 3, 2, 8, tzinfo=UTC)))


@pytest.fixture
def eguma_options() -> EgumaOptions:
    """Switches of `eguma_sandbox`. Override it for many tests; one test takes the mark."""
    from eguma_async.sandbox import EgumaOptions  # noqa: PLC0415

    return EgumaOptions()


@pytest.fixture
def korus_options() -> KorusOptions:
    """Switches of `korus_sandbox`. Override it for many tests; one test takes the mark."""
    from eguma_async.sandbox import KorusOptions  # noqa: PLC0415

    return KorusOptions()


@pytest.fixture
def eguma_sandbox(
    request: pytest.FixtureRequest, eguma_clock: SandboxClock, eguma_options: EgumaOptions
) -> EgumaSandbox:
    """Return the e-guma API in memory, with demo data, new for each test and always the same.

    Your own session: ``AsyncSession(eguma_sandbox.demo_key, transport=eguma_sandbox.transport(),
    clock=eguma_clock)``.
    """
    from eguma_async.sandbox import EgumaSandbox  # noqa: PLC0415

    from ._pytest_faults import prepare  # noqa: PLC0415

    sandbox = EgumaSandbox(clock=eguma_clock, seed=_SEED, options=eguma_options)
    _armed_in(request.node)["eguma"] = prepare(sandbox, request.node)
    return sandbox


@pytest.fixture
def korus_sandbox(
    request: pytest.FixtureRequest, eguma_clock: SandboxClock, korus_options: KorusOptions
) -> KorusSandbox:
    """Return the Korus Ticket API in memory, with demo data, new for each test.

    Its clock is `eguma_clock` too. Your own session: ``KorusSession(*korus_sandbox.demo_client,
    transport=korus_sandbox.transport(), clock=eguma_clock)``.
    """
    from eguma_async.sandbox import KorusSandbox  # noqa: PLC0415

    from ._pytest_faults import prepare  # noqa: PLC0415

    sandbox = KorusSandbox(clock=eguma_clock, seed=_SEED, options=korus_options)
    _armed_in(request.node)["korus"] = prepare(sandbox, request.node)
    return sandbox


@pytest.fixture
def eguma_session_options() -> SessionOptions:
    """Options of `eguma_session`, such as ``{"retry": RetryPolicy(attempts=1)}``; override it."""
    return {}


@pytest.fixture
def korus_session_options() -> SessionOptions:
    """Options of `korus_session`, such as ``{"retry": RetryPolicy(attempts=1)}``; override it."""
    return {}


@pytest.fixture
def eguma_session(request: pytest.FixtureRequest) -> AsyncSession:
    """Return an `AsyncSession` with `eguma_sandbox`, entered; it is closed after the test.

    It takes nothing from the environment: its key, limits and retries are the defaults.
    """
    session: AsyncSession = request.getfixturevalue(_entered("eguma", request))
    return session


@pytest.fixture
def korus_session(request: pytest.FixtureRequest) -> KorusSession:
    """Return a `KorusSession` with `korus_sandbox`, entered; it is closed after the test.

    It takes nothing from the environment: its limits and retries are the defaults.
    """
    session: KorusSession = request.getfixturevalue(_entered("korus", request))
    return session


async def _eguma(
    eguma_sandbox: EgumaSandbox, eguma_session_options: SessionOptions
) -> AsyncIterator[AsyncSession]:
    from ._pytest_sessions import eguma_session_with  # noqa: PLC0415

    async with eguma_session_with(eguma_sandbox, eguma_session_options) as session:
        yield session


async def _korus(
    korus_sandbox: KorusSandbox, korus_session_options: SessionOptions
) -> AsyncIterator[KorusSession]:
    from ._pytest_sessions import korus_session_with  # noqa: PLC0415

    async with korus_session_with(korus_sandbox, korus_session_options) as session:
        yield session


def _entered(provider: str, request: pytest.FixtureRequest) -> str:
    """Return the name of the fixture that enters a session on the loop its test runs on."""
    plugins = request.config.pluginmanager
    if "anyio_backend" in request.fixturenames and plugins.hasplugin("anyio"):
        # In auto mode, pytest-asyncio marks every coroutine, those of anyio too.
        if plugins.hasplugin("asyncio") and request.node.get_closest_marker("asyncio"):
            pytest.fail(
                "pytest-asyncio runs this test, and anyio its fixtures, on a loop of their own: set"
                " asyncio_mode to strict, or leave the mark of anyio out",
                pytrace=False,
            )
        name: str = request.getfixturevalue("anyio_backend_name")
        if name != "asyncio":
            pytest.fail(
                f"{provider}_session runs on asyncio, and this test on {name}: override the fixture"
                " anyio_backend to return 'asyncio'",
                pytrace=False,
            )
        return f"_{provider}_session_anyio"
    if plugins.hasplugin("asyncio"):
        return f"_{provider}_session_asyncio_{_loop_scope(request)}"
    pytest.fail(
        f"{provider}_session needs a plugin that runs coroutines: install pytest-asyncio, or mark"
        f" the test with anyio; a test without one can use {provider}_sandbox and asyncio.run",
        pytrace=False,
    )


def _loop_scope(request: pytest.FixtureRequest) -> str:
    """Return how long the event loop of a test lives, as pytest-asyncio decides it."""
    mark = request.node.get_closest_marker("asyncio")
    named = None if mark is None else mark.kwargs.get("loop_scope") or mark.kwargs.get("scope")
    try:
        usual = request.config.getini("asyncio_default_test_loop_scope")
    except (KeyError, ValueError):  # an older one has no such setting
        usual = None
    return str(named or usual or "function")


def _async_fixtures(asyncio: Any) -> ModuleType:
    """Return what enters the sessions, made as each plugin that is there wants it.

    Args:
        asyncio: The plugin pytest-asyncio, in whatever version; None if it is not there.
    """
    found = ModuleType("eguma_async_sessions")
    make: Any = getattr(asyncio, "fixture", None)
    takes_scope = make is not None and "loop_scope" in signature(make).parameters
    enters: dict[str, Callable[..., AsyncIterator[Any]]] = {"eguma": _eguma, "korus": _korus}
    for provider, enter in enters.items():
        prefix = f"_{provider}_session"
        setattr(found, f"{prefix}_anyio", pytest.fixture(enter, name=f"{prefix}_anyio"))
        for scope in _LOOP_SCOPES if make is not None else ():
            name = f"{prefix}_asyncio_{scope}"
            of_loop = {"loop_scope": scope} if takes_scope else {}  # before 0.24, one loop a test
            setattr(found, name, make(_copy(enter), name=name, **of_loop))
    return found


def _copy(enter: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function like it: pytest-asyncio writes the scope of the loop onto what it gets."""
    from types import FunctionType  # noqa: PLC0415

    assert isinstance(enter, FunctionType)  # noqa: S101  # it is one of the two above
    twin = FunctionType(enter.__code__, enter.__globals__, enter.__name__)
    twin.__annotations__ = enter.__annotations__
    return twin


def _armed_in(node: pytest.Item) -> dict[str, MarkedFaults]:
    return node.stash.setdefault(_armed, {})


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Register the marks, and the fixtures that depend on the plugins for asyncio."""
    for mark in _MARKS:
        config.addinivalue_line("markers", mark)
    plugins = config.pluginmanager
    plugins.register(_async_fixtures(plugins.getplugin("asyncio")), "eguma_async_sessions")
    plugins.register(_AfterTheCall(), "eguma_async_passed")


# None of these is a wrapper: the way to write one differs between versions of pytest, and a plugin
# that is found by itself must not keep an older one from starting.


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_call(item: pytest.Item) -> None:
    """Fail a test whose marks do nothing: it would pass whatever its code does."""
    for provider in _PROVIDERS:
        for mark in (f"{provider}_fault", f"{provider}_options"):
            if provider not in _armed_in(item) and item.get_closest_marker(mark) is not None:
                pytest.fail(
                    f"the test has the mark {mark}, but does not use {provider}_sandbox",
                    pytrace=False,
                )


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item) -> None:
    """Make an error of a fault that a test which passed never met.

    Only now: what a session does while it is closed may still meet it.
    """
    if item.stash.get(_passed, False):
        for faults in _armed_in(item).values():
            faults.check()


class _AfterTheCall:
    """Knows which tests have passed: nothing is called after a test that raises."""

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_call(self, item: pytest.Item) -> None:
        """Note it."""
        item.stash[_passed] = True
