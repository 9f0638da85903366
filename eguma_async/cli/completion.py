"""``eguma completion``: commands and options completed by the shell."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

from cyclopts import App, Parameter

PROGRAM = "eguma"
ENDS = {
    "zsh": """

if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
  _cyclopts_eguma "$@"
else
  compdef _cyclopts_eguma eguma
fi
"""
}
"""What makes a script work as a file of any name, and when it is sourced: cyclopts' own does so
under one name alone."""


def add_to(app: App) -> None:
    """Add the command of this module, which writes down the commands that the app has by then."""

    async def completion(
        shell: Annotated[Literal["bash", "zsh", "fish"], Parameter(help="The shell.")], /
    ) -> None:
        """Print a script that lets a shell complete commands and options. It changes nothing.

        It knows all by heart: nothing is run when TAB is pressed, or a shell begins. Print it again
        after an update.
        """
        script = app.generate_completion(prog_name=PROGRAM, shell=shell)
        sys.stdout.write(script.rstrip("\n") + ENDS.get(shell, "\n"))
        sys.stdout.flush()

    app.command(completion)
