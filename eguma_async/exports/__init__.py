"""Exports: availabilities, orders and tickets as CSV, JSON lines and Parquet.

::

    from eguma_async.exports import export
    from eguma_async.ticketing import tables

    report = await export(session.ticketing.orders.stream(), tables.ORDERS, "orders.parquet")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from eguma_async._lazy import lazy_names

if TYPE_CHECKING:
    from .columns import Column as Column
    from .columns import ColumnType as ColumnType
    from .columns import Row as Row
    from .columns import Table as Table
    from .file import ExportFile as ExportFile
    from .file import export as export
    from .formats.base import Format as Format
    from .formats.csv import unguarded as unguarded
    from .report import ExportFailure as ExportFailure
    from .report import ExportReport as ExportReport
    from .sources import Item as Item
    from .sources import Items as Items
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
