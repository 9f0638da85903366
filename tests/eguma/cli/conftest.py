"""The commands run against a served sandbox, within the process or in one of their own."""

from tests.support.commands import (  # noqa: F401  # fixtures
    _no_settings,
    connected,
    customer,
    served,
    start,
    terminal,
)
