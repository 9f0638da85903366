"""What importing the sandbox costs."""

from __future__ import annotations

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


def test_all_public_names_can_be_loaded():
    for name in eguma_async.sandbox.__all__:
        assert getattr(eguma_async.sandbox, name)
    assert sorted(eguma_async.sandbox.__all__) == list(eguma_async.sandbox.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        eguma_async.sandbox.nothing  # noqa: B018
