"""The control plane: a sandbox's clock, faults, options and state over HTTP, for people with curl.

::

    GET    /_sandbox                            the sandboxes served here
    GET    /_sandbox/NAME                       clock, faults, requests, options, state
    POST   /_sandbox/NAME/clock                 {"advance": {"minutes": 61}} or {"set": "2030-01-01T09:00:00Z"}
    GET    /_sandbox/NAME/requests              the latest requests, without anything secret
    GET    /_sandbox/NAME/options               the options
    POST   /_sandbox/NAME/options               {"replay_header": null}
    GET    /_sandbox/NAME/faults                the faults with their counters
    POST   /_sandbox/NAME/faults                {"kind": "drop-after", "path": "*/booking.json"}
    POST   /_sandbox/NAME/faults/ID/release     let parked requests go on
    DELETE /_sandbox/NAME/faults[/ID]           disarm all faults, or one
    POST   /_sandbox/NAME/COMMAND               a command of the provider

``NAME/`` may be left out where only one sandbox is served.
"""  # noqa: E501  # a table reads best unbroken

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import attrs

from eguma_async.sandbox.engine.base import NOT_UNICODE, Sandbox
from eguma_async.sandbox.engine.checks import is_amount
from eguma_async.sandbox.engine.errors import ControlError
from eguma_async.sandbox.engine.fault_json import KINDS, fault_from_json, fault_to_json
from eguma_async.sandbox.engine.faults import Park, ServerFault
from eguma_async.sandbox.engine.messages import (
    SandboxRequest,
    SandboxResponse,
    json_response,
    parse_json,
)

PREFIX = "/_sandbox"
SHOWN_REQUESTS = 100


def is_control(path: str) -> bool:
    """Tell whether a path belongs to the control plane."""
    return path == PREFIX or path.startswith(PREFIX + "/")


class ControlPlane:
    """Answers control requests for the sandboxes of one server.

    Args:
        sandboxes: Sandboxes to control, each with a name of its own.
    """

    def __init__(self, sandboxes: Sequence[Sandbox]) -> None:
        self._sandboxes = {sandbox.name: sandbox for sandbox in sandboxes}

    def respond(self, request: SandboxRequest) -> SandboxResponse:
        """Carry out one control request.

        Whatever is wrong with it is explained in a 400; what is not there, in a 404.
        """
        if "origin" in request.headers:
            return _problem(403, "the control plane does not answer to web pages")
        if not request.is_unicode():
            return _problem(400, NOT_UNICODE)
        parts = [part for part in request.path.removeprefix(PREFIX).split("/") if part]
        try:
            if not parts and len(self._sandboxes) != 1:
                return json_response(200, {"sandboxes": sorted(self._sandboxes)})
            return json_response(200, self._route(request, parts))
        except LookupError as error:
            return _problem(404, str(error.args[0]))
        except ValueError as error:
            return _problem(400, str(error))

    def _route(self, request: SandboxRequest, parts: list[str]) -> object:
        sandbox = self._choose(parts)
        topic, rest = (parts[0], parts[1:]) if parts else ("", [])
        handlers: dict[str, Callable[[Sandbox, SandboxRequest, list[str]], object]] = {
            "": _overview,
            "clock": _clock,
            "requests": _requests,
            "options": _options,
            "faults": _faults,
        }
        handler = handlers.get(topic)
        if handler is not None:
            return handler(sandbox, request, rest)
        command = sandbox.commands().get(topic)
        if command is None or rest:
            known = sorted({*handlers, *sandbox.commands()} - {""})
            raise LookupError(f"no such control path; there is {', '.join(known)}")
        _only(request, "POST")
        return command(_members(request))

    def _choose(self, parts: list[str]) -> Sandbox:
        if parts and parts[0] in self._sandboxes:
            return self._sandboxes[parts.pop(0)]
        if len(self._sandboxes) == 1:
            return next(iter(self._sandboxes.values()))
        raise LookupError(f"name one of the sandboxes: {', '.join(sorted(self._sandboxes))}")


def _overview(sandbox: Sandbox, request: SandboxRequest, _: list[str]) -> object:
    _only(request, "GET")
    return {
        "name": sandbox.name,
        "clock": _time(sandbox),
        "requests": sandbox.requests.total,
        "faults": [fault_to_json(fault) for fault in sandbox.faults],
        "options": sandbox.get_options(),
        "commands": sorted(sandbox.commands()),
        "state": sandbox.state(),
    }


def _clock(sandbox: Sandbox, request: SandboxRequest, _: list[str]) -> object:
    if _only(request, "GET", "POST") == "POST":
        members = _members(request)
        if len(members) != 1 or not members.keys() <= {"advance", "set"}:
            raise ControlError('send {"advance": {"minutes": 61}} or {"set": "…Z"}')
        if "set" in members:
            sandbox.clock.set(_moment(members["set"]))
        else:
            _advance(sandbox, members["advance"])
    return {"now": _time(sandbox)}


def _advance(sandbox: Sandbox, parts: object) -> None:
    units = {"weeks", "days", "hours", "minutes", "seconds"}
    if not isinstance(parts, dict) or not parts or not parts.keys() <= units:
        raise ControlError(f"advance takes an object with {', '.join(sorted(units))}")
    if not all(map(is_amount, parts.values())):
        raise ControlError("advance takes numbers that are not negative; use set to go back")
    sandbox.clock.advance(**parts)


def _moment(value: object) -> datetime:
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        moment = None
    if moment is None or moment.utcoffset() is None:
        raise ControlError("set takes an ISO 8601 time with a zone, such as 2030-01-01T09:00:00Z")
    return moment


def _requests(sandbox: Sandbox, request: SandboxRequest, _: list[str]) -> object:
    _only(request, "GET")
    latest = list(sandbox.requests)[-SHOWN_REQUESTS:]
    shown = [{**attrs.asdict(record), "at": record.at.isoformat()} for record in latest]
    return {"total": sandbox.requests.total, "requests": shown}


def _options(sandbox: Sandbox, request: SandboxRequest, _: list[str]) -> object:
    if _only(request, "GET", "POST") == "POST":
        sandbox.set_options(_members(request))
    return sandbox.get_options()


def _faults(sandbox: Sandbox, request: SandboxRequest, rest: list[str]) -> object:
    if rest:
        return _one_fault(_find_fault(sandbox, rest[0]), sandbox, request, rest[1:])
    method = _only(request, "GET", "POST", "DELETE")
    if method == "DELETE":
        sandbox.faults.clear()
    if method == "POST":
        return fault_to_json(sandbox.faults.add(fault_from_json(_members(request))))
    return {"kinds": list(KINDS), "faults": [fault_to_json(fault) for fault in sandbox.faults]}


def _one_fault(
    fault: ServerFault, sandbox: Sandbox, request: SandboxRequest, rest: list[str]
) -> object:
    if rest == ["release"] and isinstance(fault, Park):
        _only(request, "POST")
        fault.release()
    elif rest:
        raise LookupError("no such control path; a parked fault has …/release")
    elif _only(request, "GET", "DELETE") == "DELETE":
        sandbox.faults.remove(fault)
    return fault_to_json(fault)


def _find_fault(sandbox: Sandbox, number: str) -> ServerFault:
    for fault in sandbox.faults:
        if str(fault.id) == number:
            return fault
    raise LookupError("no fault has this number")


def _only(request: SandboxRequest, *methods: str) -> str:
    if request.method not in methods:
        raise ControlError(f"use {' or '.join(methods)} here")
    return request.method


def _members(request: SandboxRequest) -> dict[str, Any]:
    try:
        value = parse_json(request.body or b"{}")
    except ValueError:
        raise ControlError("the body is not JSON, or holds text that is not Unicode") from None
    if not isinstance(value, dict):
        raise ControlError("the body must be a JSON object")
    return value


def _time(sandbox: Sandbox) -> str:
    return sandbox.clock.now().isoformat()


def _problem(status: int, text: str) -> SandboxResponse:
    return json_response(status, {"error": text})
