"""Keys that commands find in a profile, and in the keyring it names; what EGUMA_LOG shows."""

from __future__ import annotations

import json

import pytest

from eguma_async.cli import main
from eguma_async.sandbox.korus import TOKEN_PATH


@pytest.fixture
def profiles(monkeypatch, tmp_path):
    path = tmp_path / "profiles.toml"
    monkeypatch.setenv("EGUMA_ASYNC_PROFILES", str(path))

    def write(text):
        path.write_text(text, "utf-8")
        path.chmod(0o600)

    for name in ("EGUMA_PROFILE", "KORUS_PROFILE", "EGUMA_LOG"):
        monkeypatch.delenv(name, raising=False)
    return write


def test_the_key_and_the_address_of_a_profile(served, profiles, capsys, monkeypatch):
    profiles(f'[eguma.shop]\napi_key = "{served.sandbox.demo_key}"\nbase_url = "{served.url}"\n')
    assert main(["products"]) == 2
    assert "no API key: set EGUMA_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("EGUMA_PROFILE", "shop")
    assert main(["products", "--json"]) == 0
    assert len(json.loads(capsys.readouterr().out)["products"]) == 11
    assert main(["cancel", "123", "--yes"]) == 4  # the question names the profile's address
    assert main(["doctor"]) == 0
    out = capsys.readouterr().out
    assert "API key from the profile, 24 characters" in out
    assert f"{served.url} (the profile)" in out
    monkeypatch.setenv("EGUMA_BASE_URL", "http://127.0.0.1:1")
    assert main(["doctor", "--base-url", served.url]) == 0
    assert f"{served.url} (--base-url)" in capsys.readouterr().out
    assert served.url in out
    assert served.sandbox.demo_key not in out


def test_the_client_of_a_profile(korus, profiles, capsys, monkeypatch):
    name, secret = korus.sandbox.demo_client
    for variable in ("CLIENT_ID", "CLIENT_SECRET", "BASE_URL", "TOKEN_URL"):
        monkeypatch.delenv(f"KORUS_{variable}")
    profiles(
        f'[korus.demo]\nclient_id = "{name}"\nclient_secret = "{secret}"\n'
        f'base_url = "{korus.url}"\ntoken_url = "{korus.url}{TOKEN_PATH}"\n'
    )
    assert main(["korus", "catalogs"]) == 2
    monkeypatch.setenv("KORUS_PROFILE", "demo")
    assert main(["korus", "catalogs"]) == 0
    assert main(["korus", "doctor"]) == 0
    out, err = capsys.readouterr()
    assert secret not in out + err


def test_a_profile_that_cannot_be_used_is_said_once(profiles, capsys, monkeypatch):
    profiles("[eguma.shop]\nkey = 5\n")
    monkeypatch.setenv("EGUMA_PROFILE", "shop")
    for command in (["products"], ["doctor"], ["calibrate", "--product", "p"]):
        assert main(command) == 2
        err = capsys.readouterr().err
        assert err.startswith("eguma: profile [eguma.shop] sets key; there is api_key, base_url")


def test_a_variable_shows_the_log_of_every_command(profiles, capsys, monkeypatch):
    assert main(["products", "--sandbox"]) == 0
    assert "ListProducts" not in capsys.readouterr().err
    monkeypatch.setenv("EGUMA_LOG", "debug")
    assert main(["products", "--sandbox"]) == 0
    assert "e-guma ListProducts attempt 1: 200" in capsys.readouterr().err
    monkeypatch.setenv("EGUMA_LOG", "loud")
    assert main(["products", "--sandbox"]) == 2
    assert "EGUMA_LOG must be debug, or not set" in capsys.readouterr().err
