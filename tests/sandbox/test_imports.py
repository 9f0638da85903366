"""What importing the sandbox costs."""

from __future__ import annotations

import importlib
import subprocess
import sys

import pytest

import eguma_async.sandbox


def _modules_after(code):
    script = f"import sys\n{code}\nprint('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_the_sandbox_loads_neither_aiohttp_nor_a_provider():
    modules = _modules_after("import eguma_async.sandbox")
    assert "aiohttp" not in modules
    assert "eguma_async.sandbox.eguma" not in modules
    assert "eguma_async.sandbox.korus" not in modules


def test_using_the_sandbox_in_memory_does_not_load_aiohttp():
    code = "from eguma_async.sandbox import EgumaSandbox; EgumaSandbox().transport()"
    assert "aiohttp" not in _modules_after(code)


@pytest.mark.parametrize("face", ["", ".eguma", ".korus"])
def test_all_public_names_can_be_loaded(face):
    module = importlib.import_module(f"eguma_async.sandbox{face}")
    for name in module.__all__:
        assert getattr(module, name)
    assert sorted(set(module.__all__), key=_rank) == list(module.__all__)


def _rank(name):
    return not name.isupper(), name[:1].islower(), name


@pytest.mark.parametrize(
    ("earlier", "name"),
    [
        ("Fault", "ServerFault"),
        ("Outcome", "Delivery"),
        ("WireRequest", "SandboxRequest"),
        ("WireResponse", "SandboxResponse"),
    ],
)
def test_earlier_names_are_the_same_things(earlier, name):
    assert getattr(eguma_async.sandbox, earlier) is getattr(eguma_async.sandbox, name)


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="nothing"):
        eguma_async.sandbox.nothing  # type: ignore[attr-defined]  # noqa: B018  # on purpose
