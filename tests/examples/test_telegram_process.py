"""The Telegram bot as a process of its own, on a sandbox and a Telegram over HTTP."""

from __future__ import annotations

from eguma_async.sandbox import EgumaSandbox, serve
from tests.examples.telegram import TOKEN, Telegram


async def test_it_answers_and_stops_on_sigterm_with_its_holds_given_back(
    program, terminated, tmp_path
):
    sandbox = EgumaSandbox()
    async with (
        serve(sandbox) as server,
        Telegram() as telegram,
        program(
            *("telegram_bot", "--journal", tmp_path / "bookings.db"),
            EGUMA_API_KEY=sandbox.demo_key,
            EGUMA_BASE_URL=server.url,
            TELEGRAM_BOT_TOKEN=TOKEN,
            TELEGRAM_API_URL=telegram.url,
        ) as process,
    ):
        telegram.write("/start")
        _, labels = await telegram.read()
        for _ in range(4):  # the first product, day and slot, and one ticket
            telegram.tap(labels[0])
            _, labels = await telegram.read()
        telegram.write("Canary-Ada Canary-Lovelace")
        await telegram.read()
        telegram.write("canary@example.com")
        assert (await telegram.read())[1] == ["Book", "Cancel"]
        assert len(sandbox.holds()) == 1

        code, out, err = await terminated(process)
        assert (code, out) == (0, ""), err
        assert sandbox.holds() == ()
        assert (await telegram.read())[0].startswith("The shop is closing")
    for secret in (sandbox.demo_key, TOKEN, "Canary-Ada", "canary@example.com"):
        assert secret not in err
