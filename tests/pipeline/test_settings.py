"""What a session was not told: from the environment, else from a profile that was named."""

from __future__ import annotations

import sys
import traceback
import types

import pytest

from eguma_async import (
    AsyncSession,
    ConfigurationError,
    KorusSession,
    KorusTokens,
    RetryPolicy,
    Timeouts,
    profiles_file,
)
from eguma_async.eguma.ticketing.orders import ListOrders
from eguma_async.testing import FakeClock, ScriptedTransport, json_reply

KEY, SECRET = "canary-key-0123456789", "canary-secret-0123456789"


@pytest.fixture(autouse=True)
def environment(monkeypatch, tmp_path):
    for prefix in ("EGUMA", "KORUS"):
        names = "API_KEY BASE_URL TIMEOUT MAX_RETRIES PROFILE CLIENT_ID CLIENT_SECRET TOKEN_URL"
        for name in names.split():
            monkeypatch.delenv(f"{prefix}_{name}", raising=False)
    monkeypatch.setenv("EGUMA_ASYNC_PROFILES", str(tmp_path / "profiles.toml"))
    return monkeypatch


@pytest.fixture
def profiles(tmp_path):
    def write(text, mode=0o600):
        path = tmp_path / "profiles.toml"
        path.write_text(text, "utf-8")
        path.chmod(mode)
        return path

    return write


@pytest.fixture
def keyring(monkeypatch):
    """A keyring in memory, in the place of the package."""
    kept: dict[tuple[str, str], str] = {}
    module = types.ModuleType("keyring")
    module.get_password = lambda service, user: kept.get((service, user))  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "keyring", module)
    return kept


async def sent(make, **options):
    transport = ScriptedTransport(json_reply([]))
    async with make(transport=transport, clock=FakeClock(), **options) as session:
        await session.send(ListOrders())
    return transport.requests[0]


class TestProfile:
    async def test_it_has_what_neither_arguments_nor_environment_say(self, profiles):
        profiles(f"""
            [eguma.shop]
            api_key = "{KEY}"
            base_url = "http://127.0.0.1:8080"
            timeout = 7.5
            [eguma.other]
            api_key = "another"
        """)
        request = await sent(AsyncSession, profile="shop")
        assert request.credentials.query == (("apikey", KEY),)
        assert request.url == "http://127.0.0.1:8080/v1/ticketing/orders.json"
        assert request.timeouts == Timeouts(connect=5, read=7.5, total=7.5)

    async def test_the_environment_names_it_and_beats_it_and_arguments_beat_both(
        self, profiles, environment
    ):
        profiles(f"""
            [eguma.shop]
            api_key = "{KEY}"
            base_url = "http://127.0.0.1:8080"
            timeout = 7
        """)
        environment.setenv("EGUMA_PROFILE", "shop")
        environment.setenv("EGUMA_BASE_URL", "http://127.0.0.1:8081")
        environment.setenv("EGUMA_TIMEOUT", "3")
        request = await sent(AsyncSession)
        assert request.credentials.query == (("apikey", KEY),)
        assert request.url.startswith("http://127.0.0.1:8081/")
        assert request.timeouts == Timeouts(connect=3, read=3, total=3)
        request = await sent(
            lambda **given: AsyncSession("mine", base_url="http://[::1]:1", **given),
            timeouts=Timeouts(total=9),
        )
        assert request.credentials.query == (("apikey", "mine"),)
        assert request.url.startswith("http://[::1]:1/")
        assert request.timeouts == Timeouts(total=9)

    async def test_an_empty_name_is_none_whatever_the_environment_says(self, environment):
        environment.setenv("EGUMA_PROFILE", "nowhere")
        environment.setenv("KORUS_PROFILE", "nowhere")
        with pytest.raises(ConfigurationError, match="cannot be read"):
            AsyncSession(KEY)
        await sent(lambda **given: AsyncSession(KEY, profile="", **given))
        assert repr(KorusSession("me", SECRET, profile=""))

    async def test_what_is_given_makes_a_variable_that_is_wrong_no_matter(self, environment):
        environment.setenv("EGUMA_TIMEOUT", "soon")
        environment.setenv("EGUMA_MAX_RETRIES", "many")
        request = await sent(
            lambda **given: AsyncSession(KEY, **given),
            timeouts=Timeouts(total=9),
            retry=RetryPolicy(),
        )
        assert request.timeouts == Timeouts(total=9)

    async def test_without_a_name_no_file_is_read(self, profiles):
        profiles("this is no TOML")
        await sent(lambda **given: AsyncSession(KEY, **given))

    def test_the_second_provider_has_its_own(self, profiles, environment):
        profiles(f"""
            [korus.demo]
            client_id = "me"
            client_secret = "{SECRET}"
            base_url = "https://api.demo.example"
            token_url = "https://auth.demo.example/token"
        """)
        assert "https://api.demo.example" in repr(KorusSession(profile="demo"))
        assert SECRET not in repr(KorusTokens(profile="demo"))
        environment.setenv("KORUS_PROFILE", "demo")
        assert "https://api.demo.example" in repr(KorusSession())
        with pytest.raises(ConfigurationError, match="no API key"):
            AsyncSession()

    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("[eguma.other]", "there is no profile [eguma.shop] in "),
            ('[eguma]\nshop = "canary-key-0123456789"', "there is no profile [eguma.shop] in "),
            (
                '[eguma.shop]\nkey = "canary-key-0123456789"',
                "sets key; there is api_key, base_url,",
            ),
            ("[eguma.shop]\napi_key = 5", "api_key of profile [eguma.shop] must be a text"),
            ("[eguma.shop]\nkeyring = 'yes'", "keyring of profile [eguma.shop] must be true or"),
            ("[eguma.shop]\napi_key = canary-key-0123456789", "it is no TOML: "),
            ("[eguma.shop]\napi_key = ''", "no API key: pass one to AsyncSession"),
            ('[eguma.shop]\napi_key = "canary key"', "api_key must be 1 to 255 visible ASCII"),
        ],
    )
    def test_one_that_cannot_be_used_says_why_and_shows_no_key(self, profiles, text, said):
        profiles(text)
        for make in (AsyncSession, lambda **given: AsyncSession(SECRET, **given)):
            if make is not AsyncSession and said.startswith(("no API key", "api_key must be")):
                continue  # the argument takes its place
            with pytest.raises(ConfigurationError) as caught:
                make(profile="shop")
            assert said in str(caught.value)
            shown = "".join(
                traceback.TracebackException.from_exception(
                    caught.value, capture_locals=True
                ).format()
            )
            own = [
                part for part in shown.split("\n  File ") if "eguma_async" in part.split("\n")[0]
            ]
            assert own
            assert not [part for part in own if "canary" in part]

    def test_a_file_that_is_not_there(self):
        with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
            AsyncSession(profile="shop")

    def test_a_file_that_others_can_read_is_refused(self, profiles):
        path = profiles(f'[eguma.shop]\napi_key = "{KEY}"', 0o640)
        with pytest.raises(ConfigurationError, match="others may read .* chmod 600 it"):
            AsyncSession(profile="shop")
        path.chmod(0o600)
        AsyncSession(profile="shop")

    def test_its_usual_place(self, environment, tmp_path):
        assert profiles_file() == tmp_path / "profiles.toml"
        environment.delenv("EGUMA_ASYNC_PROFILES")
        environment.setenv("XDG_CONFIG_HOME", str(tmp_path / "here"))
        assert profiles_file() == tmp_path / "here" / "eguma_async" / "profiles.toml"
        environment.setenv("XDG_CONFIG_HOME", "")
        environment.setenv("HOME", str(tmp_path))
        assert profiles_file() == tmp_path / ".config" / "eguma_async" / "profiles.toml"


class TestKeyring:
    async def test_it_has_the_secret_of_a_profile_that_says_so(self, profiles, keyring):
        profiles("[eguma.shop]\nkeyring = true")
        keyring["eguma_async", "eguma:shop"] = KEY
        request = await sent(AsyncSession, profile="shop")
        assert request.credentials.query == (("apikey", KEY),)

    async def test_it_is_asked_last(self, profiles, keyring, environment):
        profiles("[eguma.shop]\nkeyring = true")
        environment.setenv("EGUMA_API_KEY", KEY)
        request = await sent(AsyncSession, profile="shop")
        assert request.credentials.query == (("apikey", KEY),)

    def test_for_the_second_provider_it_has_the_secret_and_not_the_name(self, profiles, keyring):
        profiles("[korus.demo]\nkeyring = true\nclient_id = 'me'")
        with pytest.raises(ConfigurationError, match="`keyring set eguma_async korus:demo`"):
            KorusSession(profile="demo")
        keyring["eguma_async", "korus:demo"] = SECRET
        KorusSession(profile="demo")

    def test_a_package_that_is_missing_is_named(self, profiles, monkeypatch):
        monkeypatch.setitem(sys.modules, "keyring", None)
        profiles("[eguma.shop]\nkeyring = true")
        with pytest.raises(ConfigurationError, match=r"eguma_async\[keyring\]"):
            AsyncSession(profile="shop")

    def test_a_machine_without_a_keyring_is_told(self, profiles, keyring):
        def locked(service: str, user: str) -> str:
            raise RuntimeError("no backend")

        sys.modules["keyring"].get_password = locked  # type: ignore[attr-defined]
        profiles("[eguma.shop]\nkeyring = true")
        with pytest.raises(ConfigurationError, match=r"keyring cannot be asked \(RuntimeError\)"):
            AsyncSession(profile="shop")


class TestNumbers:
    @pytest.mark.parametrize(("retries", "requests"), [("0", 1), ("2", 3)], ids=["none", "two"])
    async def test_so_many_requests_are_sent_again(self, environment, retries, requests):
        environment.setenv("EGUMA_MAX_RETRIES", retries)
        transport = ScriptedTransport(*[json_reply({}, status=503)] * requests)
        session = AsyncSession(KEY, transport=transport, clock=FakeClock())
        async with session:
            with pytest.raises(Exception, match="503"):
                await session.send(ListOrders())
        transport.assert_done()

    async def test_a_policy_that_is_given_wins(self, environment):
        environment.setenv("EGUMA_MAX_RETRIES", "0")
        transport = ScriptedTransport(json_reply({}, status=503), json_reply([]))
        policy = RetryPolicy(attempts=2)
        async with AsyncSession(
            KEY, transport=transport, clock=FakeClock(), retry=policy
        ) as session:
            await session.send(ListOrders())
        transport.assert_done()

    @pytest.mark.parametrize("bad", ["0", "-1", "nan", "inf", "soon", "1e999", " "])
    def test_a_time_limit_that_is_none(self, environment, bad):
        environment.setenv("EGUMA_TIMEOUT", bad)
        with pytest.raises(ConfigurationError, match="EGUMA_TIMEOUT must be a number of seconds"):
            AsyncSession(KEY)

    @pytest.mark.parametrize("bad", ["-1", "1.5", "many", "\N{SUPERSCRIPT TWO}"])
    def test_a_number_of_retries_that_is_none(self, environment, bad):
        environment.setenv("EGUMA_MAX_RETRIES", bad)
        with pytest.raises(ConfigurationError, match="EGUMA_MAX_RETRIES must be a whole number, 0"):
            AsyncSession(KEY)

    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("timeout = 0", "timeout of profile 'shop' must be a number of seconds above 0"),
            ("timeout = 'x'", "timeout of profile 'shop' must be a number"),
            ("timeout = true", "timeout of profile 'shop' must be a number"),
            ("max_retries = true", "max_retries of profile 'shop' must be a whole number"),
            ("max_retries = 1.0", "max_retries of profile [eguma.shop] must be a whole number"),
        ],
    )
    def test_one_of_a_profile(self, profiles, line, said):
        profiles(f"[eguma.shop]\n{line}")
        with pytest.raises(ConfigurationError) as caught:
            AsyncSession(KEY, profile="shop")
        assert said in str(caught.value)
