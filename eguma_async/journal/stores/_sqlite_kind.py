"""What makes a file of SQLite a journal."""

from __future__ import annotations

from eguma_async.core.errors import JournalCorruptError, JournalError
from eguma_async.storage.kind import FileKind

JOURNAL = FileKind(
    noun="journal",
    in_memory="MemoryJournal",
    elsewhere="a journal on a database server",
    restore=(
        "keep the file, restore a backup or begin a new journal at another path, and compare with"
        " the provider's back office"
    ),
    error=JournalError,
    corrupt=JournalCorruptError,
    application_id=0x65674A31,  # "egJ1"
    version=1,
    tables=(
        """CREATE TABLE entry(
        series TEXT NOT NULL, generation INTEGER NOT NULL, version INTEGER NOT NULL,
        is_open INTEGER NOT NULL, created_at REAL NOT NULL, remote TEXT,
        slot INTEGER NOT NULL, PRIMARY KEY(series, generation))""",
        "CREATE INDEX entry_place ON entry(created_at, series, generation)",
        "CREATE INDEX entry_open ON entry(created_at, series, generation) WHERE is_open = 1",
        "CREATE INDEX entry_remote ON entry(remote) WHERE remote IS NOT NULL",
        """CREATE TABLE slot(
        id INTEGER PRIMARY KEY, is_free INTEGER NOT NULL, size INTEGER NOT NULL,
        bytes BLOB NOT NULL)""",
        "CREATE INDEX slot_free ON slot(size) WHERE is_free = 1",
    ),
    probes=(
        "SELECT * FROM entry ORDER BY created_at, series, generation LIMIT 1",
        "SELECT * FROM entry ORDER BY created_at DESC, series DESC, generation DESC LIMIT 1",
        "SELECT * FROM entry WHERE is_open = 1 ORDER BY created_at, series, generation LIMIT 100",
        "SELECT * FROM entry ORDER BY series, generation LIMIT 1",
        "SELECT * FROM entry WHERE remote > '' ORDER BY remote LIMIT 1",
        "SELECT id FROM slot ORDER BY id DESC LIMIT 1",
        "SELECT * FROM slot WHERE is_free = 1 ORDER BY size LIMIT 1",
    ),
)
