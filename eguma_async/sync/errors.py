"""Errors of a replica.

::

    EgumaError
    └─ ReplicaError                  the copy cannot be used
       ├─ ReplicaCorruptError        what is there is damaged, or no copy
       └─ ReplicaBusyError           another process brings it up to date
"""

from __future__ import annotations

from eguma_async.core.errors import EgumaError


class ReplicaError(EgumaError):
    """The copy cannot be used. What it holds is as it was."""


class ReplicaCorruptError(ReplicaError):
    """What is there is damaged, written by a newer version, or no copy at all."""


class ReplicaBusyError(ReplicaError):
    """Another process brings the copy up to date, or has taken over doing so."""
