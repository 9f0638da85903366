"""``eguma doctor``: small checks, one after the other, and what to do about what they find.

A check is a value of `findings.Check`; what it finds is a value too, so that people and programs
read the same. Nothing here knows a provider: each hands in a `examination.Subject`.
"""

from __future__ import annotations
