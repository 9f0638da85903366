"""Errors: one tree, fit for logs, pickles and copies."""

from __future__ import annotations

import copy
import pickle
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from eguma_async.core import errors
from eguma_async.core.errors import (
    AccessDeniedError,
    AuthenticationError,
    ConfigurationError,
    ConflictError,
    DecodingError,
    EgumaError,
    IdempotencyMismatchError,
    IncompleteListError,
    InvalidRequestError,
    JournalCorruptError,
    JournalError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PriceChangedError,
    RateLimitedError,
    RefundDueError,
    ResultMismatchError,
    ServerError,
    SessionStateError,
    StatusError,
    TransportError,
    error_class,
    unknown_outcome,
)

TREE: dict[type[EgumaError], type[EgumaError]] = {
    ConfigurationError: EgumaError,
    SessionStateError: EgumaError,
    TransportError: EgumaError,
    NotSentError: TransportError,
    OutcomeUnknownError: TransportError,
    StatusError: EgumaError,
    InvalidRequestError: StatusError,
    AuthenticationError: StatusError,
    AccessDeniedError: StatusError,
    NotFoundError: StatusError,
    ConflictError: StatusError,
    IdempotencyMismatchError: ConflictError,
    RateLimitedError: StatusError,
    ServerError: StatusError,
    DecodingError: EgumaError,
    IncompleteListError: DecodingError,
    ResultMismatchError: EgumaError,
    RefundDueError: EgumaError,
    JournalError: EgumaError,
    JournalCorruptError: JournalError,
    PriceChangedError: EgumaError,
}
E = TypeVar("E", bound=EgumaError)
CALL: dict[str, Any] = {"operation": "BookTickets", "idempotency_key": "canary-key", "attempts": 3}


def make(cls: type[E]) -> E:
    extra: dict[str, Any] = {}
    if issubclass(cls, StatusError):
        extra = {
            "status": 418,
            "error_code": "teapot",
            "retry_after": 7.5,
            "replayed": True,
            "headers": {"x-request-id": "req-1", "set-cookie": "canary-cookie"},
            "body": b"canary-body",
            "outcome_unknown": True,
        }
    elif cls is DecodingError:
        extra = {"problems": ("required field missing @ $.a",), "malformed": True}
    elif cls is ResultMismatchError:
        extra = {"result": "canary-result", "differences": ("1 asked for, 2 given",)}
    elif cls is IncompleteListError:
        extra = {"announced": 3, "read": 1, "problems": ("3 announced, 1 came",)}
    elif cls is PriceChangedError:
        extra = {"expected": Decimal("95.00"), "actual": Decimal(100), "result": "canary-result"}
    elif cls in (OutcomeUnknownError, RefundDueError):
        extra = {"refusal": make(InvalidRequestError)}
    return cls("canary-message", **CALL, **extra)


def state(error: EgumaError) -> dict[str, Any]:
    values = dict(vars(error))
    if isinstance(values.get("refusal"), EgumaError):
        values["refusal"] = (type(values["refusal"]), state(values["refusal"]))
    return values


def test_the_tree_is_the_designed_one():
    own = {
        value
        for value in vars(errors).values()
        if isinstance(value, type) and issubclass(value, EgumaError)
    }
    assert own == {EgumaError, *TREE}
    assert {cls: cls.__bases__ for cls in TREE} == {cls: (base,) for cls, base in TREE.items()}
    assert EgumaError.__bases__ == (Exception,)


def test_no_error_takes_the_name_of_a_builtin():
    import builtins

    assert not [cls.__name__ for cls in TREE if hasattr(builtins, cls.__name__)]


@pytest.mark.parametrize("cls", [EgumaError, *TREE])
@pytest.mark.parametrize("clone", [copy.copy, copy.deepcopy], ids=["copy", "deepcopy"])
def test_a_copy_keeps_every_attribute(cls, clone):
    error = make(cls)
    twin = clone(error)
    assert type(twin) is cls
    assert twin is not error
    assert state(twin) == state(error)
    assert str(twin) == str(error)


@pytest.mark.parametrize("cls", [EgumaError, *TREE])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_pickle_keeps_all_but_what_may_be_a_customers(cls, protocol):
    error = make(cls)
    data = pickle.dumps(error, protocol)
    twin = pickle.loads(data)
    expected = state(error)
    if "result" in expected:
        expected["result"] = None
    for values in (expected, *[v[1] for v in [expected.get("refusal")] if v]):
        if "body" in values:
            values |= {"message": "", "body": b"", "headers": {"x-request-id": "req-1"}}
    assert type(twin) is cls
    assert state(twin) == expected
    assert not [word for word in (b"body", b"cookie", b"result") if b"canary-" + word in data]


@pytest.mark.parametrize("cls", [cls for cls in TREE if issubclass(cls, StatusError)])
def test_a_status_error_shows_status_code_and_operation_only(cls):
    error = make(cls)
    assert str(error) == "BookTickets: HTTP 418 teapot"
    assert repr(error) == f"{cls.__name__}('BookTickets: HTTP 418 teapot')"
    assert error.args == ()


@pytest.mark.parametrize("cls", [EgumaError, *TREE])
def test_the_idempotency_key_is_not_printed(cls):
    assert "canary-key" not in str(make(cls)) + repr(make(cls)) + repr(make(cls).args)


def test_a_status_error_tells_the_id_of_its_request():
    assert make(ServerError).request_id == "req-1"
    assert StatusError("x", status=500).request_id is None
    for name in ("x-request-id", "request-id", "x-correlation-id", "x-amzn-requestid"):
        assert StatusError("x", headers={name: "a"}).request_id == "a"


def test_a_mismatch_names_the_differences_and_not_the_result():
    error = make(ResultMismatchError)
    assert str(error) == "BookTickets: canary-message: 1 asked for, 2 given"
    assert "canary-result" not in str(error) + repr(error)
    assert not error.outcome_unknown


def test_a_price_that_has_risen_is_told():
    error = make(PriceChangedError)
    assert str(error) == "BookTickets: canary-message: 95.00 expected, now 100"
    assert (error.expected, error.actual) == (Decimal("95.00"), Decimal(100))
    assert str(PriceChangedError(expected=5)) == "the price has risen: 5 expected, now not told"
    assert not error.outcome_unknown


def test_a_status_error_without_code_shows_the_status():
    assert str(StatusError("x", status=502)) == "HTTP 502"


@pytest.mark.parametrize("code", ["", "a b", "line\nbreak", "\x1b[31m", "x" * 65, "ü", "a@b.ch"])
def test_a_code_that_looks_like_none_is_kept_but_not_shown(code):
    error = StatusError("x", status=400, error_code=code)
    assert error.error_code == code
    assert str(error) == "HTTP 400"


def test_a_decoding_error_shows_three_problems_and_counts_the_rest():
    error = DecodingError("unreadable answer", problems=("a", "b", "c", "d", "e"))
    assert str(error) == "unreadable answer: a; b; c (+2 more)"


@pytest.mark.parametrize(
    ("status", "cls"),
    [
        (400, InvalidRequestError),
        (422, InvalidRequestError),
        (401, AuthenticationError),
        (403, AccessDeniedError),
        (404, NotFoundError),
        (409, ConflictError),
        (429, RateLimitedError),
        (500, ServerError),
        (503, ServerError),
        (599, ServerError),
        (302, StatusError),
        (410, StatusError),
        (199, StatusError),
    ],
)
def test_each_status_has_its_class(status, cls):
    assert error_class(status) is cls


def test_only_an_unknown_outcome_says_so_by_itself():
    assert [cls for cls in TREE if cls.outcome_unknown] == [OutcomeUnknownError]


class TestUnknownOutcome:
    def test_it_is_itself(self):
        error = OutcomeUnknownError()
        assert unknown_outcome(error) is error

    def test_it_is_found_along_causes_and_contexts(self):
        found = OutcomeUnknownError()
        inner, outer = ValueError(), TimeoutError()
        inner.__context__ = found
        outer.__cause__ = inner
        assert unknown_outcome(outer) is found

    def test_a_cause_does_not_hide_what_is_in_the_context(self):
        error = ValueError()
        error.__context__ = OutcomeUnknownError()
        error.__cause__ = KeyError()
        assert unknown_outcome(error) is error.__context__

    def test_it_is_found_in_a_group(self):
        found = OutcomeUnknownError()
        inner = ValueError()
        inner.__cause__ = found
        group = BaseExceptionGroup("g", [KeyError(), ExceptionGroup("h", [inner])])
        assert unknown_outcome(group) is found

    def test_a_circle_ends(self):
        first, second = ValueError(), KeyError()
        first.__context__ = second
        second.__cause__ = first
        assert unknown_outcome(first) is None

    def test_a_deep_chain_is_no_recursion(self):
        top: Any = ValueError()
        error = top
        for _ in range(5000):
            error.__cause__ = ValueError()
            error = error.__cause__
        error.__cause__ = OutcomeUnknownError()
        assert unknown_outcome(top) is error.__cause__
        # Taken apart by hand: the interpreter frees such a chain recursively.
        while top is not None:
            top.__cause__, top = None, top.__cause__

    def test_nothing_is_found_where_nothing_is(self):
        assert unknown_outcome(NotSentError()) is None
