"""Tokens of the simulated identity service: whose they are, and until when."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from random import Random

import attrs

from .catalog import Organization
from .options import KorusOptions

PRUNE_ABOVE = 1000


@attrs.frozen
class _Grant:
    organization: Organization
    until: datetime


class TokenStore:
    """The access and refresh tokens that were handed out.

    Args:
        random: A source of its own: how often a client asks for tokens must not change anybody's
            ids.

    Attributes:
        issued: How many access tokens were handed out.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._access: dict[str, _Grant] = {}
        self._refresh: dict[str, _Grant] = {}
        self.issued: int = 0

    def issue(
        self, organization: Organization, options: KorusOptions, now: datetime
    ) -> tuple[str, str | None]:
        """Hand out an access token and, if the options say so, a refresh token."""
        self.issued += 1
        access = self._make("Bearer", organization, options.token_seconds, now, self._access)
        if not options.refresh_tokens:
            return access, None
        seconds = options.refresh_seconds
        return access, self._make("Refresh", organization, seconds, now, self._refresh)

    def owner(self, token: str, now: datetime) -> Organization | None:
        """Return whose access token this is; None if it is none, or not valid any more."""
        grant = self._access.get(token)
        return None if grant is None or grant.until <= now else grant.organization

    def use_refresh(self, token: str, organization: Organization, now: datetime) -> bool:
        """Take a refresh token, which works once; tell whether it is good."""
        grant = self._refresh.get(token)
        if grant is None or grant.organization is not organization or grant.until <= now:
            return False
        del self._refresh[token]
        return True

    def revoke_all(self) -> None:
        """Make all tokens invalid at once."""
        self._access.clear()
        self._refresh.clear()

    def _make(
        self,
        kind: str,
        organization: Organization,
        seconds: int,
        now: datetime,
        grants: dict[str, _Grant],
    ) -> str:
        until = now + timedelta(seconds=seconds)
        claims = {
            "exp": int(until.timestamp()),
            "iat": int(now.timestamp()),
            "jti": f"{self._random.getrandbits(128):032x}",
            "typ": kind,
            "azp": organization.client_id,
        }
        parts = (
            json.dumps({"alg": "RS256", "typ": "JWT"}).encode(),
            json.dumps(claims).encode(),
            self._random.randbytes(64),
        )
        token = ".".join(_base64url(part) for part in parts)
        _prune(grants, now)
        grants[token] = _Grant(organization, until)
        return token


def _prune(grants: dict[str, _Grant], now: datetime) -> None:
    if len(grants) > PRUNE_ABOVE:
        for old in [token for token, known in grants.items() if known.until <= now]:
            del grants[old]


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
