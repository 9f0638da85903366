"""The options that the commands of both providers share, and the reading of their values."""

# Annotations are no strings here: cyclopts would look up those of a base class in the module of
# the class that is built on it.

import math
import os
import re
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from .errors import usage
from .prompt import read_secret
from .redaction import keep_secret

if TYPE_CHECKING:
    from eguma_async.core.errors import ConfigurationError
    from eguma_async.core.messages import Timeouts
    from eguma_async.pipeline.settings import Settings

DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

JsonOption = Annotated[
    bool,
    Parameter(
        negative="",
        show_default=False,
        help="Print one JSON document and nothing else on stdout.",
    ),
]
YesOption = Annotated[bool, Parameter(negative="", show_default=False, help="Do not ask.")]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class ConnectionOptions:
    """How to talk to a server, and how to print what it answers."""

    json: JsonOption = False
    sandbox: Annotated[
        bool,
        Parameter(
            negative="",
            show_default=False,
            help="Use a sandbox within this process, with its demo data.",
        ),
    ] = False
    proxy: Annotated[
        str | None,
        Parameter(
            metavar="URL",
            help="An HTTP proxy, http://HOST:PORT. Those of the environment are not used.",
        ),
    ] = None
    timeout: Annotated[
        float | None,
        Parameter(metavar="SECONDS", help="How long to wait for each answer; 60 if not given."),
    ] = None
    verbose: Annotated[
        bool,
        Parameter(
            name=("--verbose", "-v"),
            negative="",
            show_default=False,
            help="Log every request on stderr.",
        ),
    ] = False

    def timeouts(self) -> "Timeouts | None":
        """Return the limits of each attempt; None for the session's own.

        Raises:
            Stop: ``--timeout`` is no length of time.
        """
        if self.timeout is None:
            return None
        if not (math.isfinite(self.timeout) and self.timeout > 0):
            raise usage("--timeout must be a number of seconds above 0")
        from eguma_async.core.messages import Timeouts

        return Timeouts.within(self.timeout)


def proxy_url(url: str) -> str:
    """Check the URL of a proxy, and remember its password as a secret.

    Raises:
        Stop: It is none; the message does not repeat it.
    """
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or _CONTROL.search(url):
        raise usage("--proxy must be the URL of an HTTP proxy, such as http://proxy.example:3128")
    if parts.password:
        keep_secret(parts.password)
    return url


async def credential(variable: str, *, prompt: str | None = None) -> str | None:
    """Return a credential of the environment, or the first line of stdin.

    Args:
        variable: Name of its environment variable.
        prompt: What to ask for on a terminal; None to read the environment variable.

    Raises:
        Stop: It holds control characters, such as the line break at the end of a file.
    """
    value = os.environ.get(variable) if prompt is None else await read_secret(prompt)
    if value and _CONTROL.search(value):
        source = variable if prompt is None else "the first line of stdin"
        raise usage(
            f"{source} holds a line break or another control character; give the bare value,"
            f' such as {variable}="$(cat FILE)"'
        )
    if value and prompt is not None:
        keep_secret(value)
    return value


def usable(settings: "Settings | ConfigurationError") -> "Settings":
    """Return what environment and profile say.

    Raises:
        Stop: The profile that the environment names cannot be used.
    """
    from eguma_async.core.errors import ConfigurationError

    if isinstance(settings, ConfigurationError):
        raise usage(settings.message)
    return settings


def profile_secret(settings: "Settings") -> str | None:
    """Return the secret of the profile, or of the keyring it names, and remember it as one.

    Raises:
        Stop: The keyring has none, or cannot be asked.
    """
    from eguma_async.core.errors import ConfigurationError

    try:
        secret = settings.secret()
    except ConfigurationError as error:
        raise usage(error.message) from None
    if secret:
        keep_secret(secret)
    return secret


def day(text: str, name: str) -> date:
    """Read a day.

    Raises:
        Stop: It is none.
    """
    try:
        if DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:
        pass
    raise usage(f"{name} must be a day such as 2026-03-19")
