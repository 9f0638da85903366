"""Calendars of what is free: a month grid with the places of each day, as a picture too.

::

    from eguma_async.calendars import calendar_svg
    from eguma_async.ticketing.calendar import availability_calendar

    calendar = availability_calendar(slots, from_date=..., to_date=..., now=...)
    Path("december.svg").write_text(calendar_svg(calendar), encoding="utf-8")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eguma_async._lazy import lazy_names

if TYPE_CHECKING:
    from .model import Calendar as Calendar
    from .model import CalendarDay as CalendarDay
    from .model import DayState as DayState
    from .model import Level as Level
    from .model import Month as Month
    from .model import Slot as Slot
    from .model import Week as Week
    from .model import calendar_of as calendar_of
    from .svg import calendar_svg as calendar_svg
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
