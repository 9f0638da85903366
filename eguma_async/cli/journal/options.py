"""The options that say which journal it is about."""

# Annotations are no strings here: cyclopts would look up those of a base class in the module of
# the class that is built on it.

import os
import shlex
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from eguma_async.cli.connection import showing_log
from eguma_async.cli.errors import name_journal, usage
from eguma_async.core.server_urls import place_of

from .location import has_password, journal_at, require_journal

if TYPE_CHECKING:
    from eguma_async.journal.journal import Journal

VARIABLE = "EGUMA_JOURNAL"

RevealOption = Annotated[
    bool,
    Parameter(
        negative="",
        show_default=False,
        help="Show tickets too: whoever has their numbers can use them.",
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class JournalChoice:
    """Which journal, and whose entries."""

    journal: Annotated[
        str | None,
        Parameter(
            metavar="LOCATION",
            help=(
                "Path of a file, or URL of a database; EGUMA_JOURNAL if not given. If it is"
                " encrypted, its key is read from EGUMA_ASYNC_JOURNAL_KEY."
            ),
        ),
    ] = None
    account: Annotated[
        str | None,
        Parameter(metavar="NAME", help="The account, if the journal holds those of several."),
    ] = None

    @property
    def location(self) -> str | None:
        """Where it is; None if neither an argument nor the environment says so."""
        if self.journal == "":
            raise usage("--journal must not be empty")
        return self.journal or os.environ.get(VARIABLE) or None

    @property
    def shown(self) -> str:
        """Where it is, without what a URL may tell of a password."""
        location = self.location or ""
        return place_of(location) if "://" in location else location

    def new(self, *, any_credentials: bool = False) -> "Journal | None":
        """Return the journal, which is made if there is none; None if none is asked for."""
        if self.location is None:
            if self.account is not None:
                raise usage(f"--account needs --journal, or {VARIABLE}")
            return None
        return journal_at(
            self.location, account=self.account or "", any_credentials=any_credentials
        )

    def for_command(self, *, sandbox: bool) -> "Journal | None":
        """Return the journal of a command that books or cancels; None if none is asked for.

        Args:
            sandbox: True if it does so in a sandbox that ends with the command: its bookings do
                not belong into the journal that the environment names.
        """
        return None if sandbox and self.journal is None else self.new()

    @contextmanager
    def naming_itself(self) -> Iterator[None]:
        """Note on an error of unknown outcome which journal keeps its call."""
        try:
            yield
        except BaseException as error:
            name_journal(error, self.as_arguments())
            raise

    def existing(self, *, any_credentials: bool = False) -> "Journal":
        """Return the journal, which has to be there.

        Raises:
            Stop: Nothing says where it is, or it is not there.
        """
        if self.location is None:
            raise usage(f"no journal: give --journal PATH, or set {VARIABLE}")
        require_journal(self.location)
        journal = self.new(any_credentials=any_credentials)
        assert journal is not None  # noqa: S101  # it has a location
        return journal

    def as_arguments(self) -> str:
        """Return the arguments that name the journal once more; those of the environment stay."""
        named = self.journal if self.journal and not has_password(self.journal) else None
        arguments = (("--journal", named), ("--account", self.account))
        return " ".join(f"{name} {shlex.quote(value)}" for name, value in arguments if value)


DEFAULT_CHOICE = JournalChoice()


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Keeping(JournalChoice):
    """In which journal a booking is kept, and under which reference."""

    client_ref: Annotated[
        str | None,
        Parameter(
            metavar="REF",
            help=(
                "Your own name for this, such as the number of the order; needs a journal. The same"
                " command again under the same reference does nothing twice."
            ),
        ),
    ] = None

    def new(self, *, any_credentials: bool = False) -> "Journal | None":
        """Return the journal; None if none is asked for.

        Raises:
            Stop: There is no journal for the reference.
            ConfigurationError: The reference is malformed.
        """
        journal = super().new(any_credentials=any_credentials)
        if self.client_ref is not None:
            from eguma_async.core.journal import Intent

            if journal is None:
                raise usage(f"--client-ref needs --journal, or {VARIABLE}")
            Intent(client_ref=self.client_ref)  # which checks it
        return journal


NOT_KEPT = Keeping()


@asynccontextmanager
async def opened_journal(chosen: JournalChoice) -> "AsyncIterator[Journal]":
    """Open a journal to look into it, without a session."""
    with showing_log(verbose=False):
        async with chosen.existing() as journal:
            yield journal
