"""The picture of a calendar: what each day says, and that it needs nothing from elsewhere."""

from __future__ import annotations

import re
from datetime import date, timedelta
from xml.etree import ElementTree as ET

from eguma_async.calendars import Calendar, Slot, calendar_of, calendar_svg

SVG = "{http://www.w3.org/2000/svg}"
TODAY = date(2026, 12, 10)


def calendar(title: str = "A & B <script>\x00") -> Calendar:
    def slot(days: int, places: int | None, **more: bool) -> Slot:
        return Slot(day=TODAY + timedelta(days=days), places=places, **more)

    slots = (
        slot(0, 5, is_too_late=True),
        slot(1, 60),
        slot(2, 20),
        slot(2, 0, is_sold_out=True),
        slot(3, None),
        slot(4, 0, is_sold_out=True),
        slot(5, 3),
    )
    return calendar_of(
        slots, title=title, from_date=date(2026, 12, 9), to_date=date(2027, 1, 31), today=TODAY
    )


def test_each_day_says_what_it_is() -> None:
    root = ET.fromstring(calendar_svg(calendar()))  # noqa: S314  # our own

    days = [group.findtext(f"{SVG}title") for group in root.iter(f"{SVG}g")]
    assert len(days) == 23 + 31
    assert days[:8] == [
        "Wednesday 2026-12-09: past",
        "Thursday 2026-12-10: too late",
        "Friday 2026-12-11: free, 60 places",
        "Saturday 2026-12-12: free, up to 20 places at once, 1 of 2 slots",
        "Sunday 2026-12-13: free, unlimited places",
        "Monday 2026-12-14: sold out",
        "Tuesday 2026-12-15: free, 3 places",
        "Wednesday 2026-12-16: closed",
    ]
    rects = [group.find(f"{SVG}rect") for group in root.iter(f"{SVG}g")]
    kinds = [rect.get("class") for rect in rects if rect is not None]
    assert kinds[:8] == [
        "past",
        "too_late",
        "plenty",
        "some",
        "plenty",
        "sold_out",
        "few",
        "closed",
    ]


def test_numbers_and_marks_say_what_colours_say() -> None:
    root = ET.fromstring(calendar_svg(calendar()))  # noqa: S314  # our own

    marks = [
        "".join(t.text or "" for t in group.iter(f"{SVG}text") if "places" in str(t.get("class")))
        for group in root.iter(f"{SVG}g")
    ]
    assert marks[:8] == ["", "–", "60", "20", "∞", "×", "3", "·"]


def test_it_is_described_and_what_a_merchant_wrote_is_no_markup() -> None:
    document = calendar_svg(calendar())
    root = ET.fromstring(document)  # noqa: S314  # our own

    assert root.get("role") == "img"
    assert root.findtext(f"{SVG}title") == "A & B <script> "
    assert root.findtext(f"{SVG}desc") == (
        "Free places from 2026-12-09 to 2027-01-31: 4 of 54 days are free."
    )
    assert "<script" not in document


def test_it_needs_nothing_from_elsewhere() -> None:
    document = calendar_svg(calendar())

    assert re.findall(r"https?://[^\"' ]*", document) == ["http://www.w3.org/2000/svg"]
    assert not re.search(r"url\(|@import|href|<image|<script", document)
    assert "prefers-color-scheme:dark" in document


def test_everything_is_within_the_picture() -> None:
    for in_a_row in (1, 2, 3):
        root = ET.fromstring(  # noqa: S314  # our own
            calendar_svg(calendar(), months_in_a_row=in_a_row)
        )
        width, height = int(str(root.get("width"))), int(str(root.get("height")))
        for rect in root.iter(f"{SVG}rect"):
            x, y = int(rect.get("x", 0)), int(rect.get("y", 0))
            assert x + int(str(rect.get("width"))) <= width
            assert y + int(str(rect.get("height"))) <= height


def luminance(colour: str) -> float:
    channels = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return sum(weight * c for weight, c in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def test_text_on_colours_can_be_read() -> None:
    style = calendar_svg(calendar())
    for scheme in (style.partition("@media")[0], style.partition("@media")[2]):
        for kind in ("plenty", "some", "few", "sold_out"):
            fills = [
                re.search(rf"\.{name}(?:,[^{{]*)?\{{fill:(#\w+)\}}", scheme)
                or re.search(rf"\.{name}(?:,[^{{]*)?\{{fill:(#\w+)\}}", style)
                for name in (kind, f"on-{kind}")
            ]
            light, dark = sorted((luminance(f[1]) for f in fills if f), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, kind
