"""TLS contexts."""

from __future__ import annotations

import ssl as tls

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
