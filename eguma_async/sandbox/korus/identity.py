"""The identity service: hands out tokens, and knows whose they are."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from random import Random
from urllib.parse import parse_qsl

import attrs

from eguma_async.sandbox.engine.messages import SandboxRequest, SandboxResponse, json_response

from .catalog import Organization
from .negotiation import media_type
from .refusals import RefusedError
from .state import State

TOKEN_PATH = "/realms/korusticket/protocol/openid-connect/token"  # noqa: S105  # an address
FORM = "application/x-www-form-urlencoded"
NO_STORE = {"cache-control": "no-store"}
PRUNE_ABOVE = 1000


@attrs.frozen
class _Grant:
    organization: Organization
    until: datetime


class Identity:
    """Issues access and refresh tokens to the organizations of a state.

    Attributes:
        issued: How many access tokens were handed out.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        # Its own source: how often a client asks for tokens must not change anybody's ids.
        self._random = Random(state.random.random())  # noqa: S311  # made-up tokens
        self._access: dict[str, _Grant] = {}
        self._refresh: dict[str, _Grant] = {}
        self.issued: int = 0

    def respond(self, request: SandboxRequest) -> SandboxResponse:
        """Answer a call of the token endpoint."""
        if request.method != "POST":
            return _oauth_error(405, "invalid_request", "Use POST")
        form = _form(request)
        grant_type = form.get("grant_type")
        if grant_type is None:
            return _oauth_error(400, "invalid_request", "Missing form parameter: grant_type")
        if grant_type not in {"client_credentials", "refresh_token"}:
            return _oauth_error(400, "unsupported_grant_type", "Unsupported grant_type")
        client = self._client(form)
        if client is None:
            return _oauth_error(
                401, "invalid_client", "Invalid client or Invalid client credentials"
            )
        if grant_type == "refresh_token" and not self._use_refresh(form, client):
            return _oauth_error(400, "invalid_grant", "Token is not active")
        return json_response(200, self._issue(client), NO_STORE)

    def authenticate(self, request: SandboxRequest) -> Organization:
        """Return whose token a request carries.

        Raises:
            RefusedError: There is no token, or it is not valid any more.
        """
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise RefusedError(401, "", {"www-authenticate": 'Bearer realm="korusticket"'})
        grant = self._access.get(token.strip())
        if grant is None or grant.until <= self._state.now():
            challenge = 'Bearer error="invalid_token", error_description="The token is not active"'
            raise RefusedError(401, "", {"www-authenticate": challenge})
        return grant.organization

    def revoke_all(self) -> None:
        """Make all tokens invalid at once."""
        self._access.clear()
        self._refresh.clear()

    def _client(self, form: Mapping[str, str]) -> Organization | None:
        for organization in self._state.organizations:
            if organization.client_id == form.get("client_id"):
                return (
                    organization
                    if organization.client_secret == form.get("client_secret")
                    else None
                )
        return None

    def _use_refresh(self, form: Mapping[str, str], client: Organization) -> bool:
        """Take a refresh token, which works once."""
        grant = self._refresh.get(form.get("refresh_token", ""))
        if grant is None or grant.organization is not client or grant.until <= self._state.now():
            return False
        del self._refresh[form["refresh_token"]]
        return True

    def _issue(self, organization: Organization) -> dict[str, object]:
        options = self._state.options
        access, access_until = self._token("Bearer", organization, options.token_seconds)
        _keep(self._access, access, _Grant(organization, access_until), self._state.now())
        self.issued += 1
        body: dict[str, object] = {
            "access_token": access,
            "expires_in": options.token_seconds,
            "refresh_expires_in": 0,
            "token_type": "Bearer",
        }
        if options.refresh_tokens:
            refresh, refresh_until = self._token("Refresh", organization, options.refresh_seconds)
            _keep(self._refresh, refresh, _Grant(organization, refresh_until), self._state.now())
            body["refresh_expires_in"] = options.refresh_seconds
            body["refresh_token"] = refresh
        return body

    def _token(self, kind: str, organization: Organization, seconds: int) -> tuple[str, datetime]:
        now = self._state.now()
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
        return ".".join(_base64url(part) for part in parts), until


def _keep(grants: dict[str, _Grant], token: str, grant: _Grant, now: datetime) -> None:
    if len(grants) > PRUNE_ABOVE:
        for old in [key for key, known in grants.items() if known.until <= now]:
            del grants[old]
    grants[token] = grant


def _form(request: SandboxRequest) -> dict[str, str]:
    if media_type(request.headers.get("content-type")) != FORM:
        return {}
    pairs: Sequence[tuple[str, str]] = parse_qsl(
        request.body.decode(errors="replace"), keep_blank_values=True
    )
    return dict(pairs)


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _oauth_error(status: int, error: str, description: str) -> SandboxResponse:
    body = {"error": error, "error_description": description}
    return json_response(status, body, NO_STORE)
