"""The harness itself: each invariant breaks a row that does not keep it."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import threading

import pytest

from eguma_async import OutcomeUnknownError
from eguma_async.sandbox import DropAfter, DropBefore

from . import __main__ as program
from . import matrix
from .matrix import Row, run
from .shops import BOOKING, EgumaShop
from .stage import PERSON, Stage, open_files


def broken_by(check) -> str:
    return matrix.broken(Row("N1", "a fault", "what comes of it", check)) or "held"


async def _fine(stage: Stage) -> EgumaShop:
    shop = await stage.eguma()
    shop.inject(DropAfter(path=BOOKING))
    await shop.book()
    return shop


def test_a_row_that_keeps_them_all_holds():
    assert broken_by(_fine) == "held"


async def _books_twice(stage: Stage) -> None:
    shop, customer = await _fine(stage), stage.customer()
    for key in ("one", "two"):
        await shop.book(customer=customer, idempotency_key=key)


async def _reports_what_is_not_there(stage: Stage) -> None:
    shop = await _fine(stage)
    shop.sandbox._state.book.orders.clear()


async def _reports_other_tickets(stage: Stage) -> None:
    shop = await _fine(stage)
    order = shop.sandbox.bookings()[0]
    order.tickets = order.tickets[:1]


async def _sells_too_much(stage: Stage) -> None:
    shop = await _fine(stage)
    wanted = shop.wanted()
    shop.sandbox.set_capacity(wanted["product_id"], wanted["starts_at"].isoformat(), 1)


async def _logs_the_key(stage: Stage) -> None:
    shop = await _fine(stage)
    logging.getLogger("any").debug("key %s", shop.key)


async def _prints_a_customer(stage: Stage) -> None:
    await _fine(stage)
    stage.show(PERSON[2])


async def _raises_the_key(stage: Stage) -> None:
    shop = await _fine(stage)
    stage.errors.append(OutcomeUnknownError(shop.key))


async def _leaves_a_task(stage: Stage) -> None:
    await _fine(stage)
    asyncio.get_running_loop().left = asyncio.create_task(asyncio.sleep(60))  # type: ignore[attr-defined]


async def _leaves_a_file(stage: Stage) -> None:
    await _fine(stage)
    os.open(os.devnull, os.O_RDONLY)


async def _leaves_a_thread(stage: Stage) -> None:
    await _fine(stage)
    threading.Timer(1.5, lambda: None).start()


async def _raises_what_is_not_ours(stage: Stage) -> None:
    await _fine(stage)
    stage.errors.append(KeyError("foreign"))


async def _takes_too_long(stage: Stage) -> None:
    await _fine(stage)
    stage.limit = -1.0


async def _proves_nothing(stage: Stage) -> None:
    shop = await stage.eguma()
    await shop.book()


async def _fault_never_fires(stage: Stage) -> None:
    shop = await stage.eguma()
    shop.inject(DropBefore(path="*/reservation.json"))
    await shop.book()


async def _hangs(stage: Stage) -> None:
    await asyncio.Event().wait()


@pytest.mark.parametrize(
    ("check", "why"),
    [
        (_books_twice, "I1"),
        (_reports_what_is_not_there, "I2"),
        (_reports_other_tickets, "I2"),
        (_sells_too_much, "I4"),
        (_logs_the_key, "I5"),
        (_prints_a_customer, "I5"),
        (_raises_the_key, "I5"),
        (_leaves_a_task, "I6: tasks"),
        (_leaves_a_file, "I6: files"),
        (_leaves_a_thread, "I6: threads"),
        (_raises_what_is_not_ours, "I7"),
        (_takes_too_long, "I8"),
        (_proves_nothing, "I9"),
        (_fault_never_fires, "I9"),
    ],
)
def test_a_row_that_breaks_one_is_told_so(check, why):
    before = open_files()
    assert why in broken_by(check)
    for left in open_files() - before:
        os.close(int(left.split()[0]))


async def _expects_what_is_not_raised(stage: Stage) -> None:
    await _fine(stage)
    with pytest.raises(ZeroDivisionError):
        pass


def test_a_row_whose_error_does_not_come_is_broken():
    assert "DID NOT RAISE" in broken_by(_expects_what_is_not_raised)


def test_a_row_that_hangs_is_broken():
    row = Row("N1", "a fault", "what comes of it", _hangs)
    assert "TimeoutError" in str(matrix.broken(row, patience=0.01))


def test_every_row_is_run_or_left_out_with_a_reason():
    matrix.load()
    told = set(matrix.ROWS) | set(matrix.LEFT_OUT)
    assert set(matrix.all_ids()) == told
    assert not set(matrix.ROWS) & set(matrix.LEFT_OUT)
    assert all(len(reason) > 10 for reason in matrix.LEFT_OUT.values())


def test_the_program_runs_the_rows_asked_for(capsys):
    assert program.main(["N8", "J20"]) == 0
    table = capsys.readouterr().out
    assert "N8   held" in table
    assert "1 rows run: 1 held, 0 broken; 1 left out" in table
    assert program.main(["N7", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["row"] for each in told["rows"]] == ["N7"]
    assert told["totals"] == {"held": 1, "BROKEN": 0, "left out": 0}


def test_the_program_ends_with_one_if_a_row_is_broken(capsys, monkeypatch):
    matrix.load()
    monkeypatch.setitem(matrix.ROWS, "N7", Row("N7", "a fault", "held", _proves_nothing))
    assert program.main(["N7"]) == 1
    assert "I9: nothing shows that the fault happened" in capsys.readouterr().out


def test_a_row_may_be_a_plain_function():
    def plain(stage: Stage) -> None:
        stage.proves("nothing", lambda: 1)

    run(Row("N1", "a fault", "held", plain))
