"""The identity service: hands out tokens, and knows whose they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl

from eguma_async.sandbox.engine.messages import SandboxRequest, SandboxResponse, json_response

from .catalog import Organization
from .negotiation import media_type
from .refusals import RefusedError
from .state import State

TOKEN_PATH = "/realms/korusticket/protocol/openid-connect/token"  # noqa: S105  # an address
"""Where tokens are fetched, as with the provider's identity server."""
FORM = "application/x-www-form-urlencoded"
NO_STORE = {"cache-control": "no-store"}


class Identity:
    """Issues access and refresh tokens to the organizations of a state."""

    def __init__(self, state: State) -> None:
        self._state = state

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
        refresh = form.get("refresh_token", "")
        if grant_type == "refresh_token" and not self._state.tokens.use_refresh(
            refresh, client, self._state.now()
        ):
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
        owner = self._state.tokens.owner(token.strip(), self._state.now())
        if owner is None:
            challenge = 'Bearer error="invalid_token", error_description="The token is not active"'
            raise RefusedError(401, "", {"www-authenticate": challenge})
        return owner

    def _client(self, form: Mapping[str, str]) -> Organization | None:
        for organization in self._state.organizations:
            if organization.client_id == form.get("client_id"):
                return (
                    organization
                    if organization.client_secret == form.get("client_secret")
                    else None
                )
        return None

    def _issue(self, organization: Organization) -> dict[str, object]:
        options = self._state.options
        access, refresh = self._state.tokens.issue(organization, options, self._state.now())
        body: dict[str, object] = {
            "access_token": access,
            "expires_in": options.token_seconds,
            "refresh_expires_in": 0,
            "token_type": "Bearer",
        }
        if refresh is not None:
            body["refresh_expires_in"] = options.refresh_seconds
            body["refresh_token"] = refresh
        return body


def _form(request: SandboxRequest) -> dict[str, str]:
    if media_type(request.headers.get("content-type")) != FORM:
        return {}
    pairs: Sequence[tuple[str, str]] = parse_qsl(
        request.body.decode(errors="replace"), keep_blank_values=True
    )
    return dict(pairs)


def _oauth_error(status: int, error: str, description: str) -> SandboxResponse:
    body = {"error": error, "error_description": description}
    return json_response(status, body, NO_STORE)
