"""The house rules of the package, read from its source: floors, rooms, sizes, clocks, names."""

from __future__ import annotations

import ast
import re
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.source

ROOT = Path(__file__).parents[1]
PACKAGE = "eguma_async"
LONGEST_MODULE = 400
# Texts for the reader of a terminal, written by a command: nobody reads them as code.
TEXTS = {"cli._help"}

# The first prefix that fits a module says its floor. A floor may use itself and those below it.
FLOORS = (
    ("core.errors", 0),
    ("core.messages", 0),
    ("core.clock", 0),
    ("core.enums", 0),
    ("core.checks", 0),
    ("core.text", 0),
    ("core.zones", 0),
    ("_version", 0),
    ("_lazy", 0),
    ("_names", 0),
    ("core", 10),
    ("transports", 20),
    ("fanout", 20),
    ("pipeline", 25),
    ("storage", 28),
    ("rendering", 28),
    ("journal", 30),
    ("sync", 30),
    ("exports", 35),
    ("calendars", 35),
    ("eguma", 40),
    ("session", 40),
    ("ticketing", 40),
    ("korus", 40),
    ("sandbox", 50),
    ("calibration", 55),
    ("cli", 60),
    ("testing", 60),
    ("telemetry", 60),
    ("__main__", 60),
    ("", 60),
)
SANDBOX_USES = re.compile(
    r"core\.(errors|messages|clock|enums|checks|text|zones|transport|sendable|delivery)"
    r"|sandbox(\..*)?|_lazy"
)
PROVIDERS = ({"eguma", "session", "ticketing"}, {"korus"})

VALUES = {"attrs", "cattrs", "msgspec"}
THIRD_PARTY = {
    0: {"attrs"},
    10: VALUES,
    20: VALUES,
    25: VALUES,
    28: VALUES,
    30: VALUES,
    35: VALUES,
    40: VALUES,
    50: {"attrs"},
    55: VALUES,
    60: VALUES | {"cyclopts", "rich", "pytest"},
}
NETWORK = {"aiohttp", "multidict", "yarl"}
# The network transport and its private parts, and the sandbox behind a socket.
NETWORK_HOMES = {
    "transports.aiohttp",
    "transports._connection",
    "transports._failure",
    "transports._exchange",
    "transports._resolver",
    "sandbox.serving.server",
}

# Packages that a user may lack: each in files of its own, which nothing imports at once if they
# do so themselves.
OPTIONAL_HOMES = {
    "asyncpg": {
        "journal.stores.postgres",
        "journal.stores._postgres_errors",
        "sync.stores.postgres",
    },
    "redis": {"journal.stores.redis", "journal.stores._redis_server", "pipeline.redis_rate"},
    "cryptography": {"journal.sealing"},
    "keyring": {"core.system_keyring"},
    "httptools": {"transports._lean_reading"},
    "aiohappyeyeballs": {"transports._lean_dial"},  # comes with aiohttp
    "pyarrow": {"exports.formats.parquet"},
    "distributed": {"fanout._dask_worker", "fanout._dask_crew"},
    "opentelemetry": {"telemetry.otel", "telemetry._instruments"},
    "segno": {"rendering.qr"},
    "reportlab": {"rendering.fonts"},
}

NAMELESS = (
    "core",
    "transports",
    "fanout",
    "pipeline",
    "storage",
    "rendering",
    "journal",
    "sync",
    "exports",
    "calendars",
    "telemetry",
)
PROVIDER_NAME = re.compile(r"e-?guma(?!_async|-async|Error\b)|korus", re.IGNORECASE)

TIME_AND_CHANCE = {
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep"},
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "random": {"random", "randint", "randrange", "choice", "choices", "uniform", "shuffle", "seed"},
}
# At the edge, "today" is the day of whoever sits at the machine.
CLOCK_HOMES = {"core.clock", "cli.eguma.demo", "cli.eguma.calendar", "cli.eguma.options"}
# Only as the default of an argument of these names.
DEFAULTS = {("random", "random")}


def read_tree():
    """Return the source of every module by its dotted name below the package."""
    sources = {}
    for path in sorted((ROOT / PACKAGE).rglob("*.py")):
        parts = path.relative_to(ROOT / PACKAGE).with_suffix("").parts
        sources[".".join(part for part in parts if part != "__init__")] = path.read_text("utf-8")
    return sources


def packages(sources):
    """Return the names that are folders: relative imports count from them."""
    return {name.rpartition(".")[0] for name in sources if name} | {""}


def floor(module):
    return next(
        level
        for prefix, level in FLOORS
        if prefix in ("", module) or module.startswith(f"{prefix}.")
    )


def imports(module, tree, folders):
    """Yield what a module imports, wherever the statement stands, as absolute dotted names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                home = [PACKAGE, *filter(None, module.split("."))]
                up = node.level - (module in folders)
                home = home[: len(home) - up] if up else home
                base = ".".join([*home, *filter(None, base.split("."))])
            yield from ((base, alias.name) for alias in node.names)


def own_imports(module, sources):
    """Yield the modules of the package that a module imports."""
    folders = packages(sources)
    for base, name in imports(module, ast.parse(sources[module]), folders):
        if base != PACKAGE and not base.startswith(f"{PACKAGE}."):
            continue
        target = base.removeprefix(PACKAGE).removeprefix(".")
        within = f"{target}.{name}".lstrip(".") if name else target
        yield within if within in sources else target


def foreign_imports(module, sources):
    """Yield the third-party packages that a module imports."""
    folders = packages(sources)
    for base, _ in imports(module, ast.parse(sources[module]), folders):
        top = base.partition(".")[0]
        if top not in (PACKAGE, "__future__") and top not in sys.stdlib_module_names:
            yield "attrs" if top == "attr" else top


def room(module):
    """Return the room of a module; one within calibration, command line or sandbox is its own."""
    first, _, rest = module.partition(".")
    return rest.partition(".")[0] if first in ("calibration", "cli", "sandbox") else first


def floor_breaches(sources):
    for module in sources:
        for target in own_imports(module, sources):
            if floor(target) > floor(module):
                yield f"{module or PACKAGE} imports {target or PACKAGE} from a floor above"
            if module.startswith("sandbox") and not SANDBOX_USES.fullmatch(target):
                yield f"{module} imports {target}: a sandbox must not share the client's mistakes"
            mine, theirs = room(module), room(target)
            for one, other in (PROVIDERS, PROVIDERS[::-1]):
                if mine in one and theirs in other:
                    yield f"{module} imports {target}: providers do not know each other"


def third_party_breaches(sources):
    for module in sources:
        for package in foreign_imports(module, sources):
            allowed: set[str] = THIRD_PARTY[floor(module)]
            if package in NETWORK:
                allowed = NETWORK if module in NETWORK_HOMES else set()
            if module in OPTIONAL_HOMES.get(package, ()):
                allowed = {package}
            if package not in allowed:
                yield f"{module or PACKAGE} imports {package}"


def cycles(sources):
    """Yield the modules of each import cycle, imports for annotations alone included."""
    graph = {module: set(own_imports(module, sources)) - {module} for module in sources}
    done: set[str] = set()
    path: list[str] = []

    def visit(module):
        if module in path:
            yield " -> ".join([*path[path.index(module) :], module])
            return
        if module in done or module not in graph:
            return
        path.append(module)
        for target in sorted(graph[module]):
            yield from visit(target)
        path.pop()
        done.add(module)

    for module in sorted(graph):
        yield from visit(module)


def name_breaches(sources):
    for module, source in sources.items():
        if module.partition(".")[0] in NAMELESS:
            for number, line in enumerate(source.splitlines(), 1):
                if PROVIDER_NAME.search(line):
                    yield f"{module}:{number} names a provider: {line.strip()}"


def size_breaches(sources):
    for module, source in sources.items():
        if len(source.splitlines()) > LONGEST_MODULE and module not in TEXTS:
            yield f"{module} has {len(source.splitlines())} lines"


def clock_breaches(sources):
    for module, source in sources.items():
        if module in CLOCK_HOMES:
            continue
        tree = ast.parse(source)
        as_defaults = {
            id(default)
            for node in ast.walk(tree)
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
            for default in (*node.args.defaults, *node.args.kw_defaults)
        }
        node: Any
        for node in ast.walk(tree):
            found = _time_or_chance(node)
            if found and not (found in DEFAULTS and id(node) in as_defaults):
                yield f"{module}:{node.lineno} uses {'.'.join(found)}"


def _time_or_chance(node):
    if isinstance(node, ast.Call) and ast.unparse(node.func) == "asyncio.sleep":
        return None if ast.unparse(node.args[0]) == "0" else ("asyncio", "sleep")
    if isinstance(node, ast.Attribute):
        name = ast.unparse(node.value).removeprefix("datetime.")
        if node.attr in TIME_AND_CHANCE.get(name, ()):
            return name, node.attr
    if isinstance(node, ast.ImportFrom):
        for alias in node.names:
            if (
                alias.name in TIME_AND_CHANCE.get(node.module or "", ())
                and node.module != "datetime"
            ):
                return node.module, alias.name
    return None


def optional_breaches(sources):
    """Yield the modules that pull an optional package in as soon as they are imported."""
    at_once = {module: _at_once(source) for module, source in sources.items()}
    needs = {
        home: package
        for package, homes in OPTIONAL_HOMES.items()
        for home in homes & set(sources)
        if package in foreign_imports(home, at_once)
    }
    for module in sources:
        for target in own_imports(module, at_once):
            if target in needs and module not in needs:
                yield f"{module or PACKAGE} imports {target}, which needs {needs[target]}, at once"


def _at_once(source):
    """Return what of a module runs as it is imported, without its functions and classes."""
    kinds = (ast.Import, ast.ImportFrom, ast.Try, ast.If, ast.With)
    return ast.unparse(ast.Module([n for n in ast.parse(source).body if isinstance(n, kinds)], []))


RULES = {
    "optional engines": optional_breaches,
    "floors": floor_breaches,
    "third parties": third_party_breaches,
    "cycles": cycles,
    "names": name_breaches,
    "sizes": size_breaches,
    "clocks": clock_breaches,
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_the_package_keeps_the_rules_of_the_house(rule):
    sources = read_tree()
    assert len(sources) > 30
    assert list(rule(sources)) == []


def test_every_room_has_a_floor_of_its_own():
    rooms = {module.partition(".")[0] for module in read_tree()} - {""}
    assert rooms <= {prefix.partition(".")[0] for prefix, _ in FLOORS}


def test_tests_use_no_mocks():
    guilty = [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "tests").rglob("*.py"))
        if path != Path(__file__)
        and re.search(
            r"unittest.mock|from unittest import mock|aioresponses", path.read_text("utf-8")
        )
    ]
    assert [name for name in guilty if name != "tests/transports/test_aioresponses.py"] == []


# The checker itself can fail.

PLANTED = [
    ("floors", {"core.errors": "from ..eguma.session import X", "eguma.session": ""}),
    (
        "floors",
        {"core.clock": "def f():\n    from eguma_async.core.codec import X", "core.codec": ""},
    ),
    ("floors", {"fanout.x": "import eguma_async.pipeline.session", "pipeline.session": ""}),
    (
        "floors",
        {
            "pipeline.x": "if TYPE_CHECKING:\n    from eguma_async.eguma import Y",
            "eguma": "",
        },
    ),
    ("floors", {"eguma.session": "from eguma_async import AsyncSession", "": ""}),
    ("floors", {"eguma.a": "from .. import cli", "cli": "", "": ""}),
    ("floors", {"sandbox.a": "from eguma_async.core.codec import Codec", "core.codec": ""}),
    ("floors", {"sandbox.a": "from eguma_async.eguma.items import X", "eguma.items": ""}),
    ("floors", {"korus.a": "from eguma_async.eguma.session import EGUMA", "eguma.session": ""}),
    ("floors", {"eguma.a": "from eguma_async.korus import x", "korus": ""}),
    ("floors", {"cli.eguma.a": "from eguma_async.cli.korus.b import x", "cli.korus.b": ""}),
    ("floors", {"cli.korus.a": "from eguma_async.eguma import x", "eguma": ""}),
    ("floors", {"sandbox.korus.a": "from ..eguma.b import x", "sandbox.eguma.b": ""}),
    ("third parties", {"core.errors": "import msgspec"}),
    ("third parties", {"core.codec": "import pydantic"}),
    ("third parties", {"pipeline.x": "def f():\n    import aiohttp"}),
    ("third parties", {"transports.memory": "from aiohttp import ClientSession"}),
    ("third parties", {"eguma.session": "import rich.console"}),
    ("third parties", {"sandbox.a": "import msgspec"}),
    ("third parties", {"sandbox.a": "if TYPE_CHECKING:\n    from aiohttp import web"}),
    ("third parties", {"journal.stores.sqlite": "def f():\n    import asyncpg"}),
    ("third parties", {"journal.stores.redis": "import asyncpg"}),
    ("third parties", {"journal.journal": "import redis.asyncio"}),
    (
        "optional engines",
        {"journal.a": "from .stores.redis import X", "journal.stores.redis": "import redis"},
    ),
    (
        "optional engines",
        {
            "journal.a": "try:\n    from .stores import postgres\nexcept ImportError:\n    pass",
            "journal.stores.postgres": "try:\n    import asyncpg\nexcept ImportError:\n    raise",
            "journal.stores": "",
        },
    ),
    ("cycles", {"core.a": "from . import b", "core.b": "from .a import x", "core": ""}),
    ("cycles", {"korus.a": "from .b import x", "korus.b": "def f():\n    from .a import y"}),
    ("cycles", {"core.a": "if TYPE_CHECKING:\n    from .b import x", "core.b": "from .a import y"}),
    ("cycles", {"core": "from .a import x", "core.a": "from eguma_async.core import y"}),
    ("cycles", {"a": "from .b import x", "b": "from .c import y", "c": "from .a import z"}),
    ("names", {"core.a": "X = 1  # as e-guma does"}),
    ("names", {"pipeline.a": "class KorusThing: ..."}),
    ("names", {"transports.a": "HOST = 'api.e-guma.ch'"}),
    ("names", {"fanout.a": "from eguma import x"}),
    ("sizes", {"core.a": "x = 1\n" * (LONGEST_MODULE + 1)}),
    ("clocks", {"pipeline.a": "import time\nt = time.monotonic()"}),
    ("clocks", {"pipeline.a": "from time import sleep"}),
    ("clocks", {"eguma.session": "from datetime import datetime\nx = datetime.now()"}),
    ("clocks", {"eguma.session": "import datetime\nx = datetime.datetime.now(datetime.UTC)"}),
    ("clocks", {"fanout.a": "import asyncio\nasync def f():\n    await asyncio.sleep(1)"}),
    ("clocks", {"eguma.session": "import random\nx = random.random()"}),
    ("clocks", {"eguma.session": "from datetime import date\nx = date.today()"}),
    ("clocks", {"eguma.session": "from random import random"}),
]


@pytest.mark.parametrize(("rule", "sources"), PLANTED, ids=str)
def test_a_planted_breach_is_found(rule, sources):
    assert len(list(RULES[rule](sources))) == 1


KEPT = {
    "core.errors": "import attrs",
    "core.codec": "import msgspec\nfrom .errors import X\nfrom eguma_async import _version",
    "core": "",
    "_version": "",
    "transports.aiohttp": "import aiohttp\nfrom eguma_async.core.codec import X",
    "pipeline.session": (
        "import random\nfrom eguma_async.core.errors import EgumaError\n"
        "def f(random=random.random):\n    from eguma_async.transports.aiohttp import T"
    ),
    "sandbox.a": "import attrs\nfrom .b import x\nfrom eguma_async.core.errors import Y",
    "sandbox.b": (
        "import random\nif TYPE_CHECKING:\n    from eguma_async.core.errors import X\n"
        "x = random.Random(1)\ny = self.random.random()"
    ),
    "journal.a": "def f():\n    from .stores.postgres import X",
    "journal.stores.postgres": "try:\n    import asyncpg\nexcept ImportError:\n    raise",
    "testing.clock": "import asyncio\nasync def f():\n    await asyncio.sleep(0)",
    "": "from .core import errors",
}


@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_sources_that_keep_the_rules_pass(rule):
    assert list(rule(KEPT)) == []
