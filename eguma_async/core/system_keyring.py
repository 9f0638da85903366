"""The system's keyring, which keeps secrets outside of files (extra ``keyring``)."""

from __future__ import annotations

from .errors import ConfigurationError


def from_keyring(service: str, name: str) -> str:
    """Return a secret that the system's keyring keeps.

    Args:
        service: Under which service it was stored.
        name: Under which user name.

    Raises:
        ConfigurationError: There is none, the package keyring is missing, or this machine has no
            keyring that can be asked.
    """
    try:
        import keyring  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415  # an extra
    except ImportError:
        raise ConfigurationError(
            "the system's keyring needs a package: pip install 'eguma_async[keyring]'"
        ) from None
    try:
        secret: str | None = keyring.get_password(service, name)
    except Exception as error:  # each keyring has errors of its own
        raise ConfigurationError(
            f"the system's keyring cannot be asked ({type(error).__name__}): unlock it, or set up"
            " one; where there is none, as on most servers, keep the secret elsewhere"
        ) from error
    if not secret:
        raise ConfigurationError(
            f"the keyring has nothing for {service!r} and {name!r}; store it there first, as with"
            f" `keyring set {service} {name}`"
        )
    return secret
