from tests.support.commands import (  # noqa: F401  # fixtures
    _no_settings,
    connected,
    korus,
    served,
    start,
)
