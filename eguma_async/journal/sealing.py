"""What is kept of a customer, as it lies on the disk: as it is, or encrypted."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import secrets
from collections.abc import Iterable
from typing import Any, NoReturn

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.system_keyring import from_keyring

KEY_VARIABLE = "EGUMA_ASYNC_JOURNAL_KEY"
_NONCE = 12
_KEY = 32


class Sealer:
    """Encrypts with AES-256-GCM, and tells by a mark which key it was.

    Without a key it leaves everything as it is. With one, what is not encrypted is not believed,
    unless that is asked for: whoever can write to the store could have put it there. A plain
    class: it shows nothing.

    Args:
        keys: The first one encrypts; the others open what was encrypted before.
        opens_plain: Believe what is not encrypted although there is a key.
    """

    __slots__ = ("_by_mark", "_mark", "_opens_plain")

    def __init__(self, keys: Iterable[bytes] = (), *, opens_plain: bool = False) -> None:
        self._by_mark: dict[str, Any] = {}
        for key in keys:
            self._by_mark.setdefault(_mark_of(key), _cipher(key))
        self._mark = next(iter(self._by_mark), "")
        self._opens_plain = opens_plain or not self._by_mark

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("the keys of a journal are not pickled")

    @property
    def mark(self) -> str:
        """What names the key that encrypts; empty without one."""
        return self._mark

    def opens(self, mark: str) -> bool:
        """Tell whether what bears a mark can be read."""
        return mark in self._by_mark if mark else self._opens_plain

    def seal(self, plain: bytes, bound_to: bytes) -> bytes:
        """Encrypt something so that it opens in one place only.

        Args:
            plain: What to encrypt.
            bound_to: The place.
        """
        if not self._mark:
            return plain
        nonce = secrets.token_bytes(_NONCE)
        sealed: bytes = self._by_mark[self._mark].encrypt(nonce, plain, bound_to)
        return nonce + sealed

    def unseal(self, sealed: bytes, mark: str, bound_to: bytes) -> bytes | None:
        """Return what was sealed; None if it was changed, or belongs to another place."""
        if not mark:
            return sealed
        try:
            plain: bytes = self._by_mark[mark].decrypt(sealed[:_NONCE], sealed[_NONCE:], bound_to)
        except Exception:  # noqa: BLE001  # InvalidTag, which only the optional package knows
            return None
        return plain


def _mark_of(key: bytes) -> str:
    return hashlib.sha256(b"eguma_async|journal key|" + key).hexdigest()[:8]


def _cipher(key: bytes) -> Any:
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415  # an extra
    except ImportError:
        pass
    else:
        return AESGCM(key)
    raise ConfigurationError(
        "an encrypted journal needs the package cryptography: pip install 'eguma_async[crypto]'"
    )


def sealer_for(given: str | bytes | Iterable[str | bytes] | None) -> Sealer | ConfigurationError:
    """Return a sealer with the keys that were given, or that the environment gives.

    What is wrong with a key is returned and not raised: tracebacks can show variables.

    Args:
        given: 32 bytes, or their base64; several, the newest first; None for those of
            ``EGUMA_ASYNC_JOURNAL_KEY``, separated by commas; empty for none at all. An empty one
            beside others opens what was written before there was a key.
    """
    if given is None:
        given = [part.strip() for part in os.environ.get(KEY_VARIABLE, "").split(",")]
    several = [given] if isinstance(given, (str, bytes)) else list(given)
    keys = [_as_key(each) for each in several if each]
    if None in keys:
        return ConfigurationError(
            "the key of a journal must be 32 bytes, or their base64:"
            " base64.b64encode(secrets.token_bytes(32))"
        )
    try:
        return Sealer((key for key in keys if key is not None), opens_plain="" in several)
    except ConfigurationError as error:
        return error.with_traceback(None)


def _as_key(given: str | bytes) -> bytes | None:
    if isinstance(given, bytes) and len(given) == _KEY:
        return given
    try:
        key = base64.b64decode(given, validate=True)
    except (binascii.Error, ValueError, TypeError):
        return None
    return key if len(key) == _KEY else None


def key_from_keyring(service: str, name: str) -> str:
    """Return the key of a journal that the system's keyring keeps.

    Args:
        service: Under which service it was stored.
        name: Under which user name.

    Raises:
        ConfigurationError: There is none, or the package keyring is missing.
    """
    return from_keyring(service, name)
