"""Finding out by asking what a real server does where its documentation is silent.

Each question settles some options of a sandbox. `calibrate` asks them one at a time, those that
change nothing first, and gives back what was held or booked. `write_profile` keeps what was found,
for ``EgumaOptions.from_file`` and ``KorusOptions.from_file``.
"""

from .probe import Left, Probe, Reply, Wire
from .profile import profile_text, write_profile
from .questions import Answer, NotSeenError, Question, Risk
from .runner import Finding, Report, calibrate

__all__ = [
    "Answer",
    "Finding",
    "Left",
    "NotSeenError",
    "Probe",
    "Question",
    "Reply",
    "Report",
    "Risk",
    "Wire",
    "calibrate",
    "profile_text",
    "write_profile",
]
