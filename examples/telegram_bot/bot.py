"""The conversation: product, day, slot, number of tickets, name, e-mail, confirm.

Each button carries all that was chosen so far, so that it works after a restart of the bot too.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from datetime import date
from typing import Any

from aiogram import BaseMiddleware, Bot, Dispatcher, F, Router
from aiogram.exceptions import TelegramAPIError, TelegramBadRequest
from aiogram.filters import Command
from aiogram.filters.callback_data import CallbackData
from aiogram.fsm.context import FSMContext
from aiogram.fsm.state import State, StatesGroup
from aiogram.types import (
    CallbackQuery,
    ErrorEvent,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    Message,
    TelegramObject,
)

from eguma_async import AsyncSession, Customer, EgumaError

from .catalogue import (
    Catalogue,
    category_of,
    counts,
    day_text,
    items_of,
    money,
    slot_text,
    start_text,
)
from .sales import DOWN, DRAIN_SECONDS, GONE, PATIENCE, Answer, Place, Sales

log = logging.getLogger("telegram_bot")

_EMAIL = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


class PickProduct(CallbackData, prefix="p", sep="|"):
    """A product was chosen."""

    product: str


class PickDay(CallbackData, prefix="d", sep="|"):
    """A day as well."""

    product: str
    day: str


class PickSlot(CallbackData, prefix="s", sep="|"):
    """A slot as well."""

    product: str
    start: str


class PickCount(CallbackData, prefix="n", sep="|"):
    """How many tickets as well."""

    product: str
    start: str
    count: int


class Asking(StatesGroup):
    """What the bot waits for in a chat."""

    name = State()
    email = State()


class UnderWay(BaseMiddleware):
    """Knows which updates are being answered. At its end, aiogram itself does not wait for them."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()

    async def __call__(
        self,
        handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
        event: TelegramObject,
        data: dict[str, Any],
    ) -> Any:
        """Answer an update."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101  # a coroutine runs in one
        self._tasks.add(task)
        try:
            return await handler(event, data)
        finally:
            self._tasks.discard(task)

    async def ended(self) -> None:
        """Wait for those that are left."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=DRAIN_SECONDS)


def dispatcher_for(
    session: AsyncSession, bot: Bot, *, sleep: Callable[[float], Awaitable[None]] = asyncio.sleep
) -> Dispatcher:
    """Return what answers updates.

    Args:
        session: With a journal; entered, and closed by the caller after the polling has stopped.
        bot: Sends messages.
        sleep: Waits; for tests.
    """

    async def tell(place: Place, text: str) -> None:
        try:
            await bot.edit_message_text(text, chat_id=place.chat, message_id=place.message)
        except TelegramBadRequest:
            pass  # it says so already, or was deleted
        except TelegramAPIError as error:
            log.warning("%s: not told: %s", place.client_ref, type(error).__name__)

    sales = Sales(session, tell, sleep=sleep)
    dispatcher = Dispatcher()
    dispatcher.include_router(_conversation(Catalogue(session), sales))
    background: list[asyncio.Task[None]] = []
    under_way = UnderWay()
    dispatcher.update.outer_middleware(under_way)

    @dispatcher.startup()
    async def begin() -> None:
        background.append(asyncio.create_task(sales.keep_up()))

    @dispatcher.shutdown()
    async def end() -> None:
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        await sales.close()
        await under_way.ended()
        await sales.close()  # what an update has begun meanwhile

    @dispatcher.errors()
    async def failed(event: ErrorEvent) -> None:
        # Not its text, which may hold what a customer wrote; aiogram itself would log it.
        told = event.exception
        log.warning("%s", told if isinstance(told, EgumaError) else type(told).__name__)
        query = event.update.callback_query
        message = event.update.message or (query.message if query else None)
        if isinstance(told, EgumaError) and isinstance(message, Message):
            await message.answer(DOWN)

    return dispatcher


def _conversation(catalogue: Catalogue, sales: Sales) -> Router:
    router = Router()
    _choosing(router, catalogue)
    _buying(router, catalogue, sales)
    return router


def _choosing(router: Router, catalogue: Catalogue) -> None:
    @router.message(Command("start"))
    async def start(message: Message, state: FSMContext) -> None:
        await state.clear()
        found = await catalogue.products()
        buttons = [(each.name, PickProduct(product=each.id)) for each in found]
        await message.answer("What would you like to visit?", reply_markup=_keyboard(buttons))

    @router.callback_query(PickProduct.filter())
    async def product_chosen(query: CallbackQuery, callback_data: PickProduct) -> None:
        product = await catalogue.product(callback_data.product)
        days = [] if product is None else await catalogue.days(product)
        if product is None or not days:
            await _change(query, GONE)
            return
        buttons = [(day_text(d), PickDay(product=product.id, day=d.isoformat())) for d in days]
        await _change(query, f"{product.name}: which day?", buttons, in_a_row=3)

    @router.callback_query(PickDay.filter())
    async def day_chosen(query: CallbackQuery, callback_data: PickDay) -> None:
        product, day = (
            await catalogue.product(callback_data.product),
            date.fromisoformat(callback_data.day),
        )
        slots = [] if product is None else await catalogue.slots(product, day)
        if product is None or not slots:
            await _change(query, GONE)
            return
        buttons = [
            (slot_text(slot), PickSlot(product=product.id, start=catalogue.start_of(slot)))
            for slot in slots
        ]
        await _change(query, f"{product.name}, {day_text(day)}: when?", buttons, in_a_row=2)

    @router.callback_query(PickSlot.filter())
    async def slot_chosen(query: CallbackQuery, callback_data: PickSlot) -> None:
        found = await catalogue.find(callback_data.product, callback_data.start)
        if found is None:
            await _change(query, GONE)
            return
        product, slot = found
        one = money(slot.total_in_cents(items_of(product, 1)) or 0)
        text = (
            f"{product.name}, {start_text(slot)}, {category_of(product).name}, {one} each:"
            " how many tickets?"
        )
        buttons = [
            (str(n), PickCount(product=product.id, start=callback_data.start, count=n))
            for n in counts(product, slot)
        ]
        await _change(query, text, buttons, in_a_row=3)

    @router.callback_query(PickCount.filter())
    async def count_chosen(
        query: CallbackQuery, callback_data: PickCount, state: FSMContext
    ) -> None:
        await state.set_state(Asking.name)
        await state.set_data(callback_data.model_dump())
        await _change(query, "Who are they for? Write your first and last name.")


def _buying(router: Router, catalogue: Catalogue, sales: Sales) -> None:
    @router.message(Asking.name, F.text)
    async def name_given(message: Message, state: FSMContext) -> None:
        first, _, last = (message.text or "").strip().partition(" ")
        if not last.strip():
            await message.answer("I need a first and a last name, such as: Ada Lovelace")
            return
        await state.update_data(first=first, last=last.strip())
        await state.set_state(Asking.email)
        await message.answer("And your e-mail address?")

    @router.message(Asking.email, F.text)
    async def email_given(message: Message, state: FSMContext) -> None:
        email = (message.text or "").strip()
        if not _EMAIL.fullmatch(email):
            await message.answer("This is no e-mail address. Try again.")
            return
        chosen = await state.get_data()
        await state.clear()
        customer = Customer(chosen["first"], chosen["last"], email)
        problem = await _offered(
            message, catalogue, sales, PickCount.model_validate(chosen), customer
        )
        if problem is not None:
            await message.answer(problem)

    @router.callback_query(F.data.in_({"book", "cancel"}))
    async def answered(query: CallbackQuery) -> None:
        await query.answer()
        if query.message is not None:
            place = Place(query.message.chat.id, query.message.message_id)
            await sales.answer(place, Answer.BOOK if query.data == "book" else Answer.CANCEL)


async def _offered(
    message: Message, catalogue: Catalogue, sales: Sales, chosen: PickCount, customer: Customer
) -> str | None:
    """Hold what was chosen and ask for a confirmation; return why that cannot be."""
    found = await catalogue.find(chosen.product, chosen.start)
    if found is None:
        return GONE
    product, slot = found
    total = money(slot.total_in_cents(items_of(product, chosen.count)) or 0)
    tickets = "1 ticket" if chosen.count == 1 else f"{chosen.count} tickets"

    async def ask(text: str) -> Place:
        sent = await message.answer(text, reply_markup=_CONFIRM)
        return Place(sent.chat.id, sent.message_id)

    return await sales.begin(
        product,
        slot,
        chosen.count,
        customer,
        summary=(
            f"{product.name}, {start_text(slot)}: {tickets} for {customer.first_name}"
            f" {customer.last_name}, {total} in all. The places are held for"
            f" {PATIENCE / 60:.0f} minutes."
        ),
        ask=ask,
    )


_CONFIRM = InlineKeyboardMarkup(
    inline_keyboard=[
        [
            InlineKeyboardButton(text="Book", callback_data="book"),
            InlineKeyboardButton(text="Cancel", callback_data="cancel"),
        ]
    ]
)


def _keyboard(
    buttons: Iterable[tuple[str, CallbackData]], *, in_a_row: int = 1
) -> InlineKeyboardMarkup:
    made = [InlineKeyboardButton(text=text, callback_data=data.pack()) for text, data in buttons]
    rows = [made[at : at + in_a_row] for at in range(0, len(made), in_a_row)]
    return InlineKeyboardMarkup(inline_keyboard=rows)


async def _change(
    query: CallbackQuery,
    text: str,
    buttons: Iterable[tuple[str, CallbackData]] = (),
    *,
    in_a_row: int = 1,
) -> None:
    await query.answer()
    if isinstance(query.message, Message):  # else it is too old to be changed
        with suppress(TelegramBadRequest):  # tapped twice: it says so already
            await query.message.edit_text(text, reply_markup=_keyboard(buttons, in_a_row=in_a_row))
