"""From an operation to its request, encoded once per call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.messages import DEFAULT_TIMEOUTS, HttpRequest, Timeouts
from eguma_async.core.operation import Operation, RequestPlan
from eguma_async.core.provider import Provider

from .options import option

_NO_UNICODE = "{} holds text that is no Unicode; nothing was sent"


class Requests:
    """Makes the requests of one session. What those of one class share is made once.

    Args:
        provider: How the API speaks.
        base_url: Where it is.
        timeouts: Limits of each attempt, unless a call has its own.
    """

    def __init__(self, provider: Provider, base_url: str, timeouts: Timeouts) -> None:
        self._provider = provider
        self._base_url = base_url
        self._timeouts = timeouts
        self._templates: dict[type[Operation[Any]], tuple[HttpRequest, RequestPlan]] = {}

    def make(
        self, operation: Operation[Any], key: str | None, timeouts: Timeouts | None
    ) -> tuple[HttpRequest, RequestPlan]:
        """Make the request of an operation, and return it with what its class has in common.

        Raises:
            ConfigurationError: `timeouts` is no `Timeouts`, or a value cannot be written.
        """
        kind = type(operation)
        known = self._templates.get(kind)
        if known is None:
            known = self._templates[kind] = self._template(kind)
        template, plan = known
        try:
            request = template.but(
                url=self._base_url + plan.path(operation), query=plan.query(operation)
            )
            if plan.is_bare and key is None and timeouts is None:
                return request, plan  # as most reads: one copy, one frame
            return self._completed(request, plan, operation, key, timeouts), plan
        except UnicodeError:
            pass  # it holds the text: ours is raised out here
        raise ConfigurationError(_NO_UNICODE.format(plan.name))

    def _completed(
        self,
        request: HttpRequest,
        plan: RequestPlan,
        operation: Operation[Any],
        key: str | None,
        timeouts: Timeouts | None,
    ) -> HttpRequest:
        if timeouts is not None:
            request = request.but(timeouts=option("timeouts", timeouts, DEFAULT_TIMEOUTS))
        if plan.has_body:
            request = request.but(body=self._encoded(plan, operation))
        own = operation.headers() if plan.headers else {}
        if key is not None and self._provider.idempotency_header is not None:
            own[self._provider.idempotency_header] = key
        return request.but(headers=_merged(request.headers, own)) if own else request

    def body(self, operation: Operation[Any]) -> bytes:
        """Return the body of an operation that has one.

        Raises:
            ConfigurationError: A value in it cannot be written.
        """
        try:
            return self._encoded(type(operation).plan(), operation)
        except UnicodeError:
            pass  # it holds the text: ours is raised out here
        raise ConfigurationError(_NO_UNICODE.format(operation.name()))

    def _encoded(self, plan: RequestPlan, operation: Operation[Any]) -> bytes:
        try:
            return self._provider.codec.encode(operation)
        except TypeError:
            pass  # a hook's own may hold the value: ours is raised out here
        raise ConfigurationError(f"{plan.name} holds a value that JSON has no form for")

    def _template(self, kind: type[Operation[Any]]) -> tuple[HttpRequest, RequestPlan]:
        provider, plan = self._provider, kind.plan()
        content = {"Content-Type": kind.CONTENT_TYPE or provider.content_type}
        request = HttpRequest(
            method=kind.METHOD,
            url=self._base_url,
            headers={**provider.headers, **content} if plan.has_body else provider.headers,
            timeouts=self._timeouts,
            repeat=kind.REPEAT,
            operation=plan.name,
            template=kind.PATH,
        )
        return request, plan


def _merged(headers: Mapping[str, str], own: dict[str, str]) -> dict[str, str]:
    """Return headers of which an operation's own take the place of those of the same name."""
    names = {name.lower() for name in own}
    return {name: value for name, value in headers.items() if name.lower() not in names} | own
