"""The e-guma session."""

from __future__ import annotations

from typing import Unpack

from eguma_async.core.checks import header_value
from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import Credentials
from eguma_async.pipeline.fixed import FixedCredentials
from eguma_async.pipeline.options import SessionOptions, spelled_out
from eguma_async.pipeline.session import BaseSession
from eguma_async.pipeline.settings import Settings, settings_for
from eguma_async.pipeline.wire import fingerprint

from .provider import EGUMA
from .ticketing import Ticketing

__all__ = ["EGUMA", "AsyncSession"]


def key_settings(profile: str | None) -> Settings | ConfigurationError:
    """Return what environment and profile say of a key, or what is wrong with the profile."""
    return settings_for("eguma", ("api_key",), profile)


def _auth(api_key: str | None, settings: Settings) -> FixedCredentials | ConfigurationError:
    """Return what is wrong with a key, not raise it: tracebacks can show variables, so the key."""
    try:
        key = settings.secret(api_key)
        if key is None:
            return ConfigurationError(
                "no API key: pass one to AsyncSession, set the environment variable EGUMA_API_KEY,"
                " or name a profile"
            )
        return FixedCredentials(Credentials(query=(("apikey", header_value("api_key", key)),)))
    except ConfigurationError as error:
        return error.with_traceback(None)


class AsyncSession(BaseSession):
    """Sells a merchant's tickets through e-guma. Holds the API key and the connection pool.

    ::

        async with AsyncSession() as session:
            catalogue = await session.ticketing.products.list()

    Args:
        api_key: The merchant's key; from ``EGUMA_API_KEY`` or the profile if not given.
        base_url: Where the API is; from ``EGUMA_BASE_URL`` or the profile if not given, else the
            live API. Plain http is accepted for a loopback host only.
        profile: Name of a profile, which has what neither arguments nor environment say; from
            ``EGUMA_PROFILE`` if not given, and none at all if it is ``""``. See `profiles_file`.
        options: See `SessionOptions`: ``transport``, ``timeouts``, ``retry``, ``limits``,
            ``clock``, ``observer``, ``random``, ``journal``.

    Attributes:
        ticketing: The resources.

    Raises:
        ConfigurationError: No key, or a malformed argument.
    """

    @spelled_out
    def __init__(
        self,
        api_key: str | None = None,
        *,
        base_url: str | None = None,
        profile: str | None = None,
        **options: Unpack[SessionOptions],
    ) -> None:
        settings = key_settings(profile)
        if isinstance(settings, ConfigurationError):
            del api_key  # as in `_auth`
            raise settings
        auth = _auth(api_key, settings)
        del api_key  # the rest may fail as well
        if isinstance(auth, ConfigurationError):
            raise auth
        super().__init__(
            EGUMA,
            lambda *_: auth,
            base_url=settings.text("base_url", base_url),
            credential=fingerprint(auth.ready().query[0][1]),
            **settings.options(options),
        )
        self.ticketing: Ticketing = Ticketing(self)
