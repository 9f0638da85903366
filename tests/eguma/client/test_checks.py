"""Checks of moments: what passes, and that a refusal names the field."""

from __future__ import annotations

from datetime import UTC, date, datetime

import attrs
import pytest

from eguma_async.core.errors import ConfigurationError
from eguma_async.eguma.checks import naive_instant, slot_start

DAY, MOMENT, AWARE = date(2026, 3, 19), datetime(2026, 3, 19, 10), datetime(2026, 3, 19, tzinfo=UTC)


def field(validator):
    return attrs.make_class("Holder", {"some_field": attrs.field(validator=validator)})


@pytest.mark.parametrize(
    ("check", "good"), [(slot_start, [DAY, MOMENT]), (naive_instant, [MOMENT])]
)
def test_what_is_accepted(check, good):
    for value in good:
        assert field(check)(value).some_field is value


@pytest.mark.parametrize(
    ("check", "bad"),
    [(slot_start, [AWARE, "2026-03-19", None]), (naive_instant, [DAY, AWARE, "2026-03-19", None])],
)
def test_what_is_refused(check, bad):
    for value in bad:
        with pytest.raises(ConfigurationError, match=r"^some_field must "):
            field(check)(value)
