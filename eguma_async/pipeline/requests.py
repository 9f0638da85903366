"""From an operation to its request, encoded once per call."""

from __future__ import annotations

from typing import Any

from eguma_async.core.messages import DEFAULT_TIMEOUTS, HttpRequest, Timeouts
from eguma_async.core.operation import Operation, RequestPlan
from eguma_async.core.provider import Provider

from .options import option


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
    ) -> HttpRequest:
        """Make the request of an operation.

        Raises:
            ConfigurationError: `timeouts` is no `Timeouts`.
        """
        kind = type(operation)
        known = self._templates.get(kind)
        if known is None:
            known = self._templates[kind] = self._template(kind)
        template, plan = known
        request = template.but(
            url=self._base_url + plan.path(operation), query=plan.query(operation)
        )
        if timeouts is not None:
            request = request.but(timeouts=option("timeouts", timeouts, DEFAULT_TIMEOUTS))
        if plan.has_body:
            request = request.but(body=self._provider.codec.encode(operation))
        own = operation.headers() if plan.headers else {}
        if key is not None and self._provider.idempotency_header is not None:
            own[self._provider.idempotency_header] = key
        return request.but(headers={**request.headers, **own}) if own else request

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
        )
        return request, plan
