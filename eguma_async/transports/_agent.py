"""What a transport calls itself: the value of ``User-Agent`` (RFC 9110, section 10.1.5)."""

from __future__ import annotations

import re
import sys

from eguma_async._version import __version__
from eguma_async.core.errors import ConfigurationError

_APP = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,80}/[!#$%&'*+.^_`|~0-9A-Za-z-]{1,80}")


def user_agent(engine: str, app_info: str | None) -> str:
    """Return the whole value, such as ``eguma-async/1.0 python/3.12.1 aiohttp/3.12.0 shop/2.1``.

    Args:
        engine: Name and version of what speaks HTTP.
        app_info: Name and version of the program.

    Raises:
        ConfigurationError: `app_info` is something else.
    """
    python = ".".join(map(str, sys.version_info[:3]))
    agent = f"eguma-async/{__version__} python/{python} {engine}"
    if app_info is None:
        return agent
    if not (isinstance(app_info, str) and _APP.fullmatch(app_info)):
        raise ConfigurationError(
            'app_info must be a name and a version such as "shop/2.1", without spaces'
        )
    return f"{agent} {app_info}"
