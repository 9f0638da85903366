"""``eguma completion``: commands and options completed by the shell."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import App, Parameter

PROGRAM = "eguma"


def add_to(app: App) -> None:
    """Add the command of this module, which writes down the commands that the app has by then."""

    async def completion(
        shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell.")], /
    ) -> None:
        """Print a script that lets a shell complete commands and options. It changes nothing.

        It knows all by heart: nothing is run when TAB is pressed, or a shell begins. Print it again
        after an update.
        """
        sys.stdout.write(app.generate_completion(prog_name=PROGRAM, shell=shell))
        sys.stdout.flush()

    app.command(completion)
