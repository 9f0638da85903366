"""The checkout service as a process of its own, on a sandbox over HTTP."""

from __future__ import annotations

import asyncio
import socket
import sys

import httpx
import pytest

from eguma_async.sandbox import EgumaSandbox, Park, serve
from examples.checkout.__main__ import main


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


async def ready(client):
    async with asyncio.timeout(30):
        while True:
            try:
                if (await client.get("/ready")).status_code == 200:
                    return
            except httpx.ConnectError:
                pass
            await asyncio.sleep(0.05)


@pytest.mark.skipif(
    sys.platform != "linux", reason="elsewhere, what a killed process was at is taken up later"
)
async def test_it_is_killed_recovers_and_stops_on_sigterm_with_its_holds_given_back(
    program, terminated, tmp_path
):
    sandbox, port = EgumaSandbox(), free_port()
    example = sandbox.example("time")
    cart = {
        "product_id": example.product_id,
        "starts_at": example.starts_at,
        "items": [{"category_id": example.category_ids[0], "quantity": 1}],
        "expected_total_in_cents": 4500,
    }
    card = {"first_name": "Ada", "last_name": "L", "email": "ada@example.com", "token": "tok_ok"}
    arguments = ("checkout", "--port", port, "--data", tmp_path / "data")
    park = sandbox.faults.add(Park(path="*/booking.json", after_commit=True))
    async with (
        serve(sandbox) as server,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client,
    ):
        environment = {"EGUMA_API_KEY": sandbox.demo_key, "EGUMA_BASE_URL": server.url}
        async with program(*arguments, **environment) as process:
            await ready(client)
            ref = (await client.post("/carts", json=cart)).json()["ref"]
            paying = asyncio.create_task(client.post(f"/carts/{ref}/payment", json=card))
            await park.arrived()  # it is paid and booked, and nobody has been told
            process.kill()
            await process.wait()
            with pytest.raises(httpx.TransportError):
                await paying
        park.release()

        async with program(*arguments, **environment) as process:
            await ready(client)
            again = (await client.post(f"/carts/{ref}/payment", json=card)).json()
            (order,) = sandbox.bookings()
            assert (again["state"], again["booking_reference"]) == ("booked", order.number)
            await client.post("/carts", json=cart)
            assert len(sandbox.holds()) == 1

            code, out, err = await terminated(process)
            assert (code, out) == (0, ""), err
            assert sandbox.holds() == ()
            assert sandbox.demo_key not in err
            assert "ada@example.com" not in err


def test_what_is_missing_is_named(monkeypatch, capsys, tmp_path):
    monkeypatch.delenv("EGUMA_API_KEY", raising=False)
    for missing in ("set EGUMA_API_KEY, or use --sandbox", "--data"):
        with pytest.raises(SystemExit, match="2"):
            main([])
        assert missing in capsys.readouterr().err
        monkeypatch.setenv("EGUMA_API_KEY", "key")
    monkeypatch.setenv("EGUMA_API_KEY", "not a key")
    with pytest.raises(SystemExit, match="api_key must be"):
        main(["--data", str(tmp_path)])
