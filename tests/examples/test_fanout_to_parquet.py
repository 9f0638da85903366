"""The fan-out to Parquet, in this process and as one of its own, against the sandbox."""

from __future__ import annotations

import asyncio
import io
import re
import signal
from datetime import datetime

import pytest
from rich.console import Console

from eguma_async import AsyncSession
from eguma_async.sandbox import Park, Reply, serve
from examples.fanout_to_parquet import crowded_sandbox, main, run

PRODUCTS = 25  # and those of the demo data
OLD = b"yesterday's"


@pytest.fixture
def file(tmp_path):
    made = tmp_path / "slots.parquet"
    made.write_bytes(OLD)
    return made


@pytest.fixture
def sandbox():
    return crowded_sandbox(PRODUCTS)


def console(*, is_terminal=False):
    return Console(file=io.StringIO(), force_terminal=is_terminal, width=100, highlight=False)


async def refreshed(sandbox, file, to=None):
    """Refresh; return the exit code and what was said."""
    to = to or console()
    session = AsyncSession(sandbox.demo_key, transport=sandbox.transport(), clock=sandbox.clock)
    return await run(session, file, 3, to), to.file.getvalue()


def rows_of(file):
    from pyarrow import parquet  # only the worker that comes to these tests imports it

    return parquet.read_table(file).to_pylist()


async def test_all_slots_of_all_products_are_in_the_file_with_their_types(sandbox, file):
    code, said = await refreshed(sandbox, file)
    rows = rows_of(file)
    active = [product for product in sandbox.products() if product.is_active]
    assert code == 0
    assert f"products, {len(rows)} rows" in said
    assert len({row["product_name"] for row in rows if "Ausflug" in row["product_name"]}) == 25
    assert {row["product_id"] for row in rows} <= {product.id for product in active}
    row = next(row for row in rows if row["product_name"] == "Ausflug 7")
    assert type(row["starts_at"]) is datetime
    assert (row["price_in_cents"], row["availability_count"]) == (4500, 50)
    assert [path.name for path in file.parent.iterdir()] == ["slots.parquet"]


async def test_the_bar_shows_on_a_terminal_how_far_it_is(sandbox, file):
    code, said = await refreshed(sandbox, file, console(is_terminal=True))
    assert code == 0
    (total,) = re.findall(r"^.*?(\d+) products, \d+ rows", said, re.MULTILINE)
    assert f"{total}/{total}" in said


async def test_products_that_fail_are_named_and_hide_no_other(sandbox, file):
    lost = [
        p for p in sandbox.products() if p.name_translations.get("de") in {"Ausflug 3", "Ausflug 4"}
    ]
    for product in lost:
        sandbox.faults.add(Reply(404, path=f"*/{product.id}/availabilities.json", times=None))
    code, said = await refreshed(sandbox, file)
    names = {row["product_name"] for row in rows_of(file)}
    assert code == 1
    assert "2 products failed:\n" in said
    assert all(f"  {product.id}: ListAvailabilities: HTTP 404" in said for product in lost)
    assert "Ausflug 2" in names
    assert names.isdisjoint({"Ausflug 3", "Ausflug 4"})


async def test_if_nothing_can_be_read_the_old_file_stays(sandbox, file):
    sandbox.faults.add(Reply(403, path="*/availabilities.json", times=None))
    code, said = await refreshed(sandbox, file)
    assert (code, file.read_bytes()) == (3, OLD)
    assert said.startswith("Nothing could be read; the file is as it was.\n")


async def test_without_the_list_of_products_the_old_file_stays(sandbox, file):
    sandbox.faults.add(Reply(401, path="*/products.json"))
    code, said = await refreshed(sandbox, file)
    assert (code, file.read_bytes()) == (3, OLD)
    assert said == "The products cannot be read: ListProducts: HTTP 401 unauthorized\n"


def test_what_is_missing_is_named(file, monkeypatch, capsys):
    monkeypatch.delenv("EGUMA_API_KEY", raising=False)
    wrong: tuple[tuple[list[str], str], ...] = (
        ([], "--to"),
        (["--to", str(file)], "set EGUMA_API_KEY, or use --sandbox"),
        (["--to", str(file), "--sandbox", "--days", "0"], "--days must be a number from 1 to"),
        (["--to", str(file), "--sandbox", "--days", "9" * 12], "--days must be a number from 1 to"),
        (["--to", str(file.with_suffix(".xyz")), "--sandbox"], "format"),
    )
    for arguments, missing in wrong:
        with pytest.raises(SystemExit, match="2"):
            main(arguments)
        assert missing in capsys.readouterr().err


async def test_stopped_half_way_it_leaves_the_old_file(program, terminated, sandbox, file):
    park = sandbox.faults.add(Park(path="*/availabilities.json", skip=10, times=None))
    async with (
        serve(sandbox) as server,
        program(
            *("fanout_to_parquet", "--to", file),
            EGUMA_API_KEY=sandbox.demo_key,
            EGUMA_BASE_URL=server.url,
        ) as process,
    ):
        async with asyncio.timeout(30):
            await park.arrived()
        code, _, err = await terminated(process)
        park.release()
    assert (code, err) == (128 + signal.SIGTERM, "Stopped; the file is as it was.\n")
    assert file.read_bytes() == OLD
    assert [path.name for path in file.parent.iterdir()] == ["slots.parquet"]
