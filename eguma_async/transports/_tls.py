"""TLS: contexts, and how a connection ends."""

from __future__ import annotations

import asyncio
import ssl as tls
from functools import cache

from eguma_async.core.errors import ConfigurationError


def check_context(context: tls.SSLContext | None) -> None:
    """Check a context of the caller's.

    Raises:
        ConfigurationError: It is of another kind, or verifies nothing.
    """
    if context is None:
        return
    if not isinstance(context, tls.SSLContext):
        raise ConfigurationError(f"ssl must be an ssl.SSLContext, not {type(context).__name__}")
    if not (context.verify_mode == tls.CERT_REQUIRED and context.check_hostname):
        raise ConfigurationError("the TLS context must verify certificates and host names")


@cache
def default_context() -> tls.SSLContext:
    """Return the context for all who bring none: to make one takes 30 ms and a megabyte."""
    context = tls.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context


def has_said_goodbye(transport: asyncio.BaseTransport | None) -> bool:
    """Tell whether the server itself has ended a connection that is at its end.

    Anybody on the way can end TCP. A body that ends with its connection would be cut there without
    a trace (RFC 9112, section 9.8); asyncio treats both ends alike.
    """
    secure = None if transport is None else transport.get_extra_info("ssl_object")
    if secure is None:
        return True
    try:
        return not secure.read(1)
    except tls.SSLError:
        return False
