"""What a sandbox raises at whoever controls it."""

from __future__ import annotations


class ControlError(ValueError):
    """A control command cannot be carried out; the text says why."""


class NoSuchRecordError(LookupError, ValueError):
    """A call of the back office names what is not there; over HTTP it is a 404.

    Looking something up in vain is a `LookupError` in Python. It is a `ValueError` too, which some
    of these calls raised before.
    """
