"""The availabilities as pydantic models, for the comparison."""

import enum
from datetime import datetime

from pydantic import BaseModel, ConfigDict


class SlotType(enum.StrEnum):
    DAY = "day"
    TIME = "time"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class CategoryPrice(_Model):
    category_id: str
    price_in_cents: int | None
    min_quantity: int | None = None
    max_quantity: int | None = None
    allow_zero_quantity: bool = False


class Availability(_Model):
    slot_type: SlotType
    starts_at: datetime
    availability_count: int | None
    prices: tuple[CategoryPrice, ...]
    closing_at: datetime | None = None


class AvailabilityList(_Model):
    company_name: str
    product_name: str
    availabilities: tuple[Availability, ...]
    currency: str | None = None
