"""The system's keyring, which keeps secrets outside of files (extra ``keyring``)."""

from __future__ import annotations

from .errors import ConfigurationError


def from_keyring(service: str, name: str) -> str:
    """Return a secret that the system's keyring keeps.

    Args:
        service: Under which service it was stored.
        name: Under which user name.

    Raises:
        ConfigurationError: There is none, or the package keyring is missing.
    """
    try:
        import keyring  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415  # an extra
    except ImportError:
        raise ConfigurationError(
            "the system's keyring needs a package: pip install 'eguma_async[keyring]'"
        ) from None
    secret: str | None = keyring.get_password(service, name)
    if not secret:
        raise ConfigurationError(
            f"the keyring has nothing for {service!r} and {name!r}; store it there first, as with"
            f" `keyring set {service} {name}`"
        )
    return secret
