"""The Telegram bot, in this process, against a local Telegram and the sandbox."""

from __future__ import annotations

import asyncio
import logging
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from eguma_async import AsyncSession, MemoryJournal
from eguma_async.sandbox import DropAfter, EgumaSandbox, Park, Reply
from tests.examples.telegram import TOKEN, Telegram

BOOKING = "*/booking.json"
OFFER = (
    "Gipfelfahrt, Tue 3 Mar 09:00: 2 tickets for Canary-Ada Canary-Lovelace, 90.00 in all."
    " The places are held for 10 minutes."
)
BUTTONS = ["Book", "Cancel"]


class World:
    """A customer's Telegram, the ticket system, and the journal, which outlive the bot."""

    def __init__(self, telegram) -> None:
        self.telegram = telegram
        self.sandbox = EgumaSandbox()
        self.sandbox.clock.set(datetime(2026, 3, 2, 20, tzinfo=UTC))
        self.example = self.sandbox.example("time")
        self.journal = MemoryJournal()
        self.time_is_up = asyncio.Event()
        self.next_round = asyncio.Event()

    async def sleep(self, seconds):
        if seconds == 600:
            await self.time_is_up.wait()
        else:
            await self.next_round.wait()
            self.next_round.clear()

    @asynccontextmanager
    async def bot(self):
        """Run the bot until the end of the block, and let it stop as on SIGTERM."""
        # Here, as it takes seconds: only the worker that comes to these tests imports it.
        from aiogram import Bot
        from aiogram.client.session.aiohttp import AiohttpSession
        from aiogram.client.telegram import TelegramAPIServer

        from examples.telegram_bot.bot import dispatcher_for

        api = TelegramAPIServer.from_base(self.telegram.url)
        bot = Bot(TOKEN, session=AiohttpSession(api=api))
        async with AsyncSession(
            self.sandbox.demo_key,
            transport=self.sandbox.transport(),
            clock=self.sandbox.clock,
            journal=self.journal,
        ) as session:
            dispatcher = dispatcher_for(session, bot, sleep=self.sleep)
            polling = asyncio.create_task(dispatcher.start_polling(bot, handle_signals=False))
            try:
                yield
            finally:
                await dispatcher.stop_polling()
                await polling

    async def asked_to_confirm(self):
        """Choose, and say who it is for, until the bot asks whether to book."""
        await self.asked_for_email()
        self.telegram.write("canary@example.com")
        return await self.telegram.read()

    async def asked_for_email(self):
        """Choose, and say who it is for."""
        say, tap, read = self.telegram.write, self.telegram.tap, self.telegram.read
        say("/start")
        await read()
        for label in ("Gipfelfahrt", "Tue 3 Mar", "09:00 · 50 free", "2"):
            tap(label)
            await read()
        say("Canary-Ada Canary-Lovelace")
        await read()


@pytest.fixture
async def world(caplog):
    caplog.set_level(logging.DEBUG)
    async with Telegram() as telegram:
        made = World(telegram)
        yield made
        assert telegram.said.empty()
    for secret in (made.sandbox.demo_key, TOKEN, "Canary-Ada", "Lovelace", "canary@example"):
        assert secret not in caplog.text


def booked(world):
    (order,) = world.sandbox.bookings()
    numbers = [ticket.number for ticket in order.tickets]
    return "\n".join([f"Booked: order {order.number}. Your tickets:", *numbers])


async def test_a_whole_purchase_word_for_word(world):
    say, tap, read = world.telegram.write, world.telegram.tap, world.telegram.read
    async with world.bot():
        say("/start")
        text, products = await read()
        assert text == "What would you like to visit?"
        assert products[:3] == ["Gipfelfahrt", "Tageskarte", "Rodelbahn"]
        tap("Gipfelfahrt")
        text, days = await read()
        assert text == "Gipfelfahrt: which day?"
        assert days[:2] == ["Tue 3 Mar", "Wed 4 Mar"]
        tap("Tue 3 Mar")
        assert await read() == (
            "Gipfelfahrt, Tue 3 Mar: when?",
            ["09:00 · 50 free", "10:00 · 50 free", "11:00 · 50 free"]
            + ["13:30 · 50 free", "15:00 · 50 free"],
        )
        tap("09:00 · 50 free")
        assert await read() == (
            "Gipfelfahrt, Tue 3 Mar 09:00, Erwachsene, 45.00 each: how many tickets?",
            ["1", "2", "3", "4", "5", "6"],
        )
        tap("2")
        assert await read() == ("Who are they for? Write your first and last name.", [])
        say("Canary-Ada")
        assert await read() == ("I need a first and a last name, such as: Ada Lovelace", [])
        say("Canary-Ada Canary-Lovelace")
        assert await read() == ("And your e-mail address?", [])
        say("canary")
        assert await read() == ("This is no e-mail address. Try again.", [])
        assert world.sandbox.holds() == ()
        say("canary@example.com")
        assert await read() == (OFFER, BUTTONS)
        assert len(world.sandbox.holds()) == 1
        tap("Book")
        text, buttons = await read()
    assert (text, buttons) == (booked(world), [])
    assert world.sandbox.holds() == ()
    (order,) = world.sandbox.bookings()
    assert order.customer.email == "canary@example.com"


async def test_a_lost_reply_books_once(world):
    lost = world.sandbox.faults.add(DropAfter(path=BOOKING))
    async with world.bot():
        await world.asked_to_confirm()
        world.telegram.tap("Book")
        text, _ = await world.telegram.read()
    assert (text, lost.fired) == (booked(world), 1)


async def test_a_double_tap_books_once_and_says_so_once(world, caplog):
    park = world.sandbox.faults.add(Park(path=BOOKING))
    async with world.bot():
        await world.asked_to_confirm()
        world.telegram.tap("Book")
        await park.arrived()
        world.telegram.tap("Book")
        world.telegram.tap("Cancel")
        asyncio.get_running_loop().call_later(0.05, park.release)
        text, _ = await world.telegram.read()
        world.telegram.tap("Book")  # too late, too
        world.telegram.write("/start")
        assert (await world.telegram.read())[0] == "What would you like to visit?"
    assert text == booked(world)
    assert [record for record in caplog.records if record.name == "telegram_bot"] == []


async def test_sold_out_before_the_slot_is_chosen(world):
    say, tap, read = world.telegram.write, world.telegram.tap, world.telegram.read
    async with world.bot():
        say("/start")
        await read()
        for label in ("Gipfelfahrt", "Tue 3 Mar"):
            tap(label)
            await read()
        world.sandbox.set_capacity(world.example.product_id, world.example.start, 0)
        tap("09:00 · 50 free")
        assert await read() == ("These places are gone. /start shows what is free.", [])


async def test_sold_out_while_it_is_being_held(world):
    world.sandbox.faults.add(Reply(400, path="*/reservation.json"))
    async with world.bot():
        text = (await world.asked_to_confirm())[0]
    assert text == "These places are gone. /start shows what is free."
    assert world.sandbox.holds() == ()


async def test_cancelled_the_places_are_given_back(world):
    async with world.bot():
        await world.asked_to_confirm()
        world.telegram.tap("Cancel")
        text = (await world.telegram.read())[0]
        assert text == "Cancelled: nothing was booked. /start begins anew."
        assert world.sandbox.holds() == ()
        world.telegram.tap("Book")
        text = (await world.telegram.read())[0]
        assert text == "This offer has ended: nothing was booked. /start begins anew."
    assert world.sandbox.bookings() == ()


async def test_after_ten_minutes_the_places_are_given_back(world):
    async with world.bot():
        await world.asked_to_confirm()
        world.time_is_up.set()
        text = (await world.telegram.read())[0]
        assert text == "Time is up: the places were given back. /start begins anew."
        assert world.sandbox.holds() == ()


async def test_a_second_offer_in_a_chat_lets_go_of_the_first(world):
    async with world.bot():
        await world.asked_to_confirm()
        world.telegram.write("/start")
        await world.telegram.read()
        for label in ("Gipfelfahrt", "Tue 3 Mar"):
            world.telegram.tap(label)
            await world.telegram.read()
        world.telegram.tap("10:00 · 50 free")
        await world.telegram.read()
        world.telegram.tap("1")
        await world.telegram.read()
        world.telegram.write("Canary-Ada Canary-Lovelace")
        await world.telegram.read()
        world.telegram.write("canary@example.com")
        said = {(await world.telegram.read())[0] for _ in range(2)}
        assert "Cancelled: nothing was booked. /start begins anew." in said
        assert len(world.sandbox.holds()) == 1
        world.telegram.tap("Cancel")
        await world.telegram.read()


async def test_an_unknown_outcome_is_said_to_be_one_and_told_later(world):
    world.sandbox.faults.add(DropAfter(path=BOOKING, times=None))
    async with world.bot():
        await world.asked_to_confirm()
        world.telegram.tap("Book")
        text = (await world.telegram.read())[0]
        assert text.startswith("It is not known yet whether this was booked.")
        world.sandbox.faults.clear()
        world.next_round.set()
        assert (await world.telegram.read())[0] == booked(world)


async def test_what_the_last_process_left_open_is_told_by_the_next_one(world):
    world.sandbox.faults.add(DropAfter(path=BOOKING, times=None))
    async with world.bot():
        await world.asked_to_confirm()
        world.telegram.tap("Book")
        await world.telegram.read()
    world.sandbox.faults.clear()
    async with world.bot():
        assert (await world.telegram.read())[0] == booked(world)


async def test_a_tap_that_is_delivered_again_after_a_restart_books_once(world):
    async with world.bot():
        await world.asked_to_confirm()
        world.telegram.tap("Book")
        assert (await world.telegram.read())[0] == booked(world)
    world.telegram.deliver_again()
    edits = world.telegram.calls.count("editMessageText")
    async with world.bot():
        async with asyncio.timeout(20):
            while world.telegram.calls.count("editMessageText") == edits:
                await asyncio.sleep(0.01)
    assert len(world.sandbox.bookings()) == 1


async def test_it_stops_with_the_booking_under_way_done_and_the_rest_given_back(world):
    park = world.sandbox.faults.add(Park(path=BOOKING))
    async with world.bot():
        await world.asked_to_confirm()
        world.telegram.tap("Book")
        await park.arrived()
        asyncio.get_running_loop().call_later(0.05, park.release)
    assert (await world.telegram.read())[0] == booked(world)


async def test_it_stops_with_what_nobody_has_confirmed_given_back(world):
    async with world.bot():
        await world.asked_to_confirm()
    text = (await world.telegram.read())[0]
    assert text.startswith("The shop is closing: the places were given back.")
    assert world.sandbox.holds() == ()
    assert world.sandbox.bookings() == ()


async def test_what_an_update_begins_while_it_stops_is_given_back(world):
    async with world.bot():
        await world.asked_for_email()
        park = world.sandbox.faults.add(Park(path="*/availabilities.json"))
        world.telegram.write("canary@example.com")
        await park.arrived()
        asyncio.get_running_loop().call_later(0.05, park.release)
    assert (await world.telegram.read())[1] == BUTTONS
    assert world.telegram.said.qsize() == 1  # before the bot had gone
    assert (await world.telegram.read())[0].startswith("The shop is closing")
    assert world.sandbox.holds() == ()


async def test_a_ticket_system_that_is_down_is_said_to_be_so(world):
    world.sandbox.faults.add(Reply(503, times=None))
    async with world.bot():
        world.telegram.write("/start")
        text = (await world.telegram.read())[0]
    assert text.startswith("The ticket system does not answer.")


def test_what_is_missing_is_named(monkeypatch, capsys):
    from examples.telegram_bot.__main__ import main

    for name in ("TELEGRAM_BOT_TOKEN", "EGUMA_API_KEY"):
        monkeypatch.delenv(name, raising=False)
    for given, missing in (("", "TELEGRAM_BOT_TOKEN"), (TOKEN, "EGUMA_API_KEY")):
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", given)
        with pytest.raises(SystemExit, match="2"):
            main([])
        assert f"set {missing}" in capsys.readouterr().err
    monkeypatch.setenv("EGUMA_API_KEY", "key")
    with pytest.raises(SystemExit, match="2"):
        main([])
    assert "--journal" in capsys.readouterr().err
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "nonsense")
    with pytest.raises(SystemExit, match="TELEGRAM_BOT_TOKEN is no token of a bot"):
        main(["--sandbox"])
    monkeypatch.setenv("TELEGRAM_BOT_TOKEN", TOKEN)
    monkeypatch.setenv("TELEGRAM_API_URL", "http://127.0.0.1:9")
    with pytest.raises(SystemExit, match=r"Cannot connect to host 127\.0\.0\.1:9"):
        main(["--sandbox"])
