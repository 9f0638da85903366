"""Tickets on paper: a page for each, with its code."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any, Literal, TypeAlias

import attrs

from eguma_async.core.errors import ConfigurationError

from .fonts import Font, Fonts, readable, reportlab
from .qr import QUIET_ZONE, TicketCode, ticket_number
from .words import Words, words_in

PageSize: TypeAlias = Literal["a4", "a6"]
"""Paper of a page: ISO 216 A4 or A6, upright."""
_MM = 72 / 25.4
_SIZES: Mapping[str, tuple[float, float, float]] = {
    # Width and height in points, and how much larger than on A6 everything is.
    "a4": (210 * _MM, 297 * _MM, 1.6),
    "a6": (105 * _MM, 148 * _MM, 1.0),
}
_INK = (0.10, 0.14, 0.20)
_FAINT = (0.42, 0.46, 0.52)
_RULE = (0.84, 0.86, 0.89)
_ALARM = (0.76, 0.10, 0.12)
_TITLE_LINES = 3
_FIELD_LINES = 2
_LARGEST_MODULE = 2.2 * _MM


def _start(instance: object, field: Any, value: Any) -> None:
    if value is not None and not isinstance(value, date):
        raise ConfigurationError("starts must be a datetime, a date for a whole day, or None")


def _text(instance: object, field: Any, value: Any) -> None:
    if not isinstance(value, str):
        raise ConfigurationError(f"{field.name} must be text, not {type(value).__name__}")


def _persons(instance: object, field: Any, value: Any) -> None:
    if value is not None and type(value) is not int:
        raise ConfigurationError("persons must be a whole number, or None if it is not known")


_OPTIONAL_TEXT = attrs.validators.optional(_text)


@attrs.frozen(kw_only=True)
class TicketPage:
    """What one page shows.

    Attributes:
        number: What the code says, to the letter; it is in no ``repr``.
        product: Name of what is admitted to. One that is too long is shortened, visibly.
        category: Person category, such as Adult.
        starts: A `datetime` as the wall at the venue shows it, or a `date` for a whole day.
        reference: Number of the booking.
        merchant: Who sells it.
        persons: How many it admits, if that is known and not one.
        language: ISO 639-1 language of the words around it: en, de, fr or it; else English.
        is_cancelled: Say so, in place of the code.
    """

    number: str = attrs.field(repr=False, validator=ticket_number)
    product: str = attrs.field(validator=_text)
    category: str = attrs.field(default="", validator=_text)
    starts: datetime | date | None = attrs.field(default=None, validator=_start)
    reference: str = attrs.field(default="", validator=_text)
    merchant: str = attrs.field(default="", validator=_text)
    persons: int | None = attrs.field(default=None, validator=_persons)
    language: str | None = attrs.field(default=None, validator=_OPTIONAL_TEXT)
    is_cancelled: bool = False

    def fields(self) -> list[tuple[str, str]]:
        """Return what stands beside the code, as pairs of a word and what it is."""
        words = words_in(self.language)
        pairs = [
            (words.day, words.date_in(self.starts) if self.starts else ""),
            (words.time, f"{self.starts:%H:%M}" if isinstance(self.starts, datetime) else ""),
            (words.category, readable(self.category)),
            (words.persons, str(self.persons) if (self.persons or 1) != 1 else ""),
            (words.reference, readable(self.reference)),
        ]
        return [(word, text) for word, text in pairs if text]


def shown_start(starts: datetime | date, *, whole_day: bool) -> datetime | date:
    """Return a start as people are told: of what is for a whole day, the day."""
    return starts.date() if whole_day and isinstance(starts, datetime) else starts


def tickets_pdf(
    pages: Iterable[TicketPage], *, size: PageSize = "a4", font: Path | str | None = None
) -> bytes:
    """Return a document with a page for each ticket. The same pages give the same bytes.

    It is drawn by reportlab: ``pip install 'eguma_async[pdf]'``.

    Args:
        pages: At least one.
        size: Of the paper.
        font: A TrueType font. That of reportlab, without one, has the letters of western European
            languages. What a font lacks is drawn as a box; `missing_characters` tells what that is.

    Raises:
        ConfigurationError: There is no page, no such size, the font cannot be read, or a package
            is missing.
    """
    shown = _checked(pages)
    if size not in _SIZES:
        raise ConfigurationError("size must be 'a4' or 'a6'")
    fonts = Fonts.load(font)
    width, height, scale = _SIZES[size]
    out = io.BytesIO()
    # Invariant: no date, and an id that follows from what it shows.
    document = reportlab().canvas.Canvas(out, pagesize=(width, height), invariant=1)
    document.setTitle(_title(shown))
    for number, page in enumerate(shown, 1):
        position = f"{number}/{len(shown)}" if len(shown) > 1 else ""
        words = words_in(page.language)
        _Drawing(document, fonts, width, height, scale, words).draw(page, position)
        document.showPage()
    document.save()
    return out.getvalue()


def missing_characters(
    pages: Iterable[TicketPage], *, font: Path | str | None = None
) -> frozenset[str]:
    """Return the characters that `tickets_pdf` would draw as boxes.

    Raises:
        ConfigurationError: As for `tickets_pdf`.
    """
    fonts = Fonts.load(font)
    found = set()
    for page in _checked(pages):
        found |= {c for c in readable(page.product) if not fonts.bold.has(c)}
        plain = readable(page.merchant) + "".join(text for _, text in page.fields())
        found |= {c for c in plain if not fonts.plain.has(c)}
    return frozenset(found)


def _checked(pages: Iterable[TicketPage]) -> tuple[TicketPage, ...]:
    shown = tuple(pages)
    if not shown:
        raise ConfigurationError("there is no ticket to draw")
    if not all(isinstance(page, TicketPage) for page in shown):
        raise ConfigurationError("pages must be TicketPage objects")
    return shown


def _title(pages: tuple[TicketPage, ...]) -> str:
    first = pages[0]
    words = words_in(first.language)
    return f"{words.ticket} {readable(first.reference)}".rstrip()


@attrs.frozen
class _Drawing:
    """One page, drawn from the top down."""

    page: Any
    fonts: Fonts
    width: float
    height: float
    scale: float
    words: Words

    @property
    def margin(self) -> float:
        return 24 * self.scale

    @property
    def inner(self) -> float:
        return self.width - 2 * self.margin

    def draw(self, ticket: TicketPage, position: str) -> None:
        top = self._band(ticket, position)
        top = self._title(readable(ticket.product), top - 14 * self.scale)
        top = self._fields(ticket, top - 4 * self.scale)
        bottom = self._foot(ticket)
        if ticket.is_cancelled:
            self._cancelled(top, bottom)
        else:
            self._code(ticket.number, top - 6 * self.scale, bottom)

    def _ink(self, color: tuple[float, float, float]) -> None:
        self.page.setFillColorRGB(*color)
        self.page.setStrokeColorRGB(*color)

    def _text(self, font: Font, x: float, y: float, text: str, size: float) -> None:
        font.draw(self.page, x, y, text, size)

    def _centered(self, font: Font, y: float, text: str, size: float) -> None:
        self._text(font, (self.width - font.width(text, size)) / 2, y, text, size)

    def _band(self, ticket: TicketPage, position: str) -> float:
        """Draw the band at the top with who sells it, and return where it ends."""
        high, size = 34 * self.scale, 9 * self.scale
        bottom = self.height - high
        self._ink(_INK)
        self.page.rect(0, bottom, self.width, high, stroke=0, fill=1)
        self._ink((1, 1, 1))
        base = bottom + (high - size * 0.72) / 2
        right = f"{self.words.ticket} {position}".strip()
        taken = self.fonts.plain.width(right, size)
        self._text(self.fonts.plain, self.width - self.margin - taken, base, right, size)
        room = self.inner - taken - 12 * self.scale
        seller = _shortened(self.fonts.plain, readable(ticket.merchant), size, room, 1)
        for line in seller:
            self._text(self.fonts.plain, self.margin, base, line, size)
        return bottom

    def _title(self, text: str, top: float) -> float:
        """Draw the name of the product as large as it fits, and return where it ends."""
        font = self.fonts.bold
        for size in (18, 15, 12.5, 10):
            lines = font.lines(text, size * self.scale, self.inner)
            if len(lines) <= _TITLE_LINES:
                break
        size *= self.scale
        self._ink(_INK)
        for line in _shortened(font, text, size, self.inner, _TITLE_LINES):
            top -= size * 1.2
            self._text(font, self.margin, top, line, size)
        return top - size * 0.6 - 4 * self.scale

    def _fields(self, ticket: TicketPage, top: float) -> float:
        """Draw the words and what they say in two columns, and return where they end."""
        small, size = 6.5 * self.scale, 9.5 * self.scale
        gap = 10 * self.scale
        first = self.inner * 0.62 - gap
        widths = (first, self.inner - first - gap)
        pairs = ticket.fields()
        for row in (pairs[i : i + 2] for i in range(0, len(pairs), 2)):
            x, deepest = self.margin, top
            for (word, text), width in zip(row, widths, strict=False):
                y = top - small
                self._ink(_FAINT)
                self._text(self.fonts.plain, x, y, word, small)
                self._ink(_INK)
                for line in _shortened(self.fonts.plain, text, size, width, _FIELD_LINES):
                    y -= size * 1.25
                    self._text(self.fonts.plain, x, y, line, size)
                deepest = min(deepest, y)
                x += width + gap
            top = deepest - 9 * self.scale
        self._ink(_RULE)
        self.page.setLineWidth(0.6 * self.scale)
        self.page.line(self.margin, top, self.width - self.margin, top)
        return top

    def _foot(self, ticket: TicketPage) -> float:
        """Draw what stands below the code, and return where it begins."""
        small, size = 6.5 * self.scale, 10 * self.scale
        font = self.fonts.plain
        self._ink(_FAINT)
        if not ticket.is_cancelled:
            self._centered(font, 14 * self.scale, self.words.show, small)
        lines = font.lines(ticket.number, size, self.inner)
        if len(lines) > 1:  # such a number is rather for machines
            size, lines = small, font.lines(ticket.number, small, self.inner)
        base = 30 * self.scale + (len(lines) - 1) * size * 1.2
        self._centered(font, base + size * 1.35, self.words.number, small)
        self._ink(_INK)
        for line in lines:
            self._centered(font, base, line, size)
            base -= size * 1.2
        return 30 * self.scale + len(lines) * size * 1.2 + small * 1.9

    def _code(self, number: str, top: float, bottom: float) -> None:
        """Draw the code in the middle of what is left, as shapes: no picture is blurred."""
        modules = TicketCode(number).modules()
        side = min(top - bottom, self.inner)
        module = min(side / (len(modules) + 2 * QUIET_ZONE), _LARGEST_MODULE * self.scale)
        left = (self.width - module * len(modules)) / 2
        upper = (top + bottom + module * len(modules)) / 2
        self._ink((0, 0, 0))
        path = self.page.beginPath()
        for row, squares in enumerate(modules):
            for start, length in _runs(squares):
                y = upper - (row + 1) * module
                path.rect(left + start * module, y, length * module, module)
        self.page.drawPath(path, stroke=0, fill=1)

    def _cancelled(self, top: float, bottom: float) -> None:
        size = 26 * self.scale
        self._ink(_ALARM)
        font = self.fonts.bold
        while font.width(self.words.cancelled, size) > self.inner * 0.9:
            size *= 0.95
        middle = (top + bottom) / 2
        self._centered(font, middle - size * 0.36, self.words.cancelled, size)
        self.page.setLineWidth(2 * self.scale)
        high = size * 1.9
        self.page.roundRect(
            self.margin, middle - high / 2, self.inner, high, 5 * self.scale, stroke=1, fill=0
        )


def _shortened(font: Font, text: str, size: float, width: float, most: int) -> list[str]:
    """Break a text into lines; what is more than so many ends with dots."""
    lines = font.lines(text, size, width)
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and font.width(f"{last}…", size) > width:
        last = last[:-1]
    return [*lines[: most - 1], f"{last}…"]


def _runs(squares: tuple[bool, ...]) -> list[tuple[int, int]]:
    """Return where dark squares of a row begin, and how many stand side by side."""
    runs: list[tuple[int, int]] = []
    for column, dark in enumerate(squares):
        if dark and runs and sum(runs[-1]) == column:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        elif dark:
            runs.append((column, 1))
    return runs
