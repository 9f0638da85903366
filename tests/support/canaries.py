"""Canaries: made-up secrets, and where they must not turn up."""

from __future__ import annotations

import base64
import contextlib
import copy
import io
import json
import pickle
import traceback
from urllib.parse import quote

from eguma_async import EgumaError


def forms(secret):
    """Return a secret the ways it may be written."""
    raw = secret.encode()
    found = {
        raw,
        quote(secret, safe="").encode(),
        quote(secret, safe="").lower().encode(),
        json.dumps(secret)[1:-1].encode(),
        raw.hex().encode(),
        raw[::-1],
        secret.encode("utf-16-le"),
        secret.encode("utf-16-be"),
        repr(secret.encode("utf-16-le")).encode()[2:-1],
    }
    for shift in range(3):  # base64 of a text around the secret, whichever way it is aligned
        whole = base64.b64encode(b"x" * shift + raw)
        found.add(whole[4 if shift else 0 : -4])
    return found


def leaks(written, secrets):
    data = written if isinstance(written, bytes) else written.encode("utf-8", "surrogateescape")
    return [form for form in secrets if form in data]


def stack_text(error):
    """Format a traceback with the variables of its frames, but for the frames of the tests."""
    written, links, seen = [], [error], set()
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        links += [link.__cause__, link.__context__, *getattr(link, "exceptions", ())]
        summary = traceback.StackSummary.extract(
            traceback.walk_tb(link.__traceback__), capture_locals=True
        )
        for frame in summary:
            if "/tests/" not in frame.filename.replace("\\", "/"):
                where = f"{frame.filename}:{frame.name}"
                written += [
                    f"{where} {name}={value}" for name, value in (frame.locals or {}).items()
                ]
        written += traceback.format_exception_only(link)
    return "\n".join(map(str, written))


def everything_of(error):
    """Return what any tool may print or store of an error."""
    written, links, seen = [], [error], set()
    while links:
        link = links.pop()
        if link is None or id(link) in seen:
            continue
        seen.add(id(link))
        links += [link.__cause__, link.__context__, getattr(link, "refusal", None)]
        shown = {k: v for k, v in vars(link).items() if k not in ("message", "body")}
        written += [str(link), repr(link), repr(link.args), repr(shown), f"{link}"]
        written += list(getattr(link, "__notes__", ()))
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            print(link)
        written.append(printed.getvalue())
    return "\n".join(written)


def messages_of(error):
    """Return what a server may have repeated: never the key."""
    written, links = [], [error]
    while links:
        link = links.pop()
        if isinstance(link, EgumaError):
            links += [link.__cause__, link.__context__, getattr(link, "refusal", None)]
            written += [repr(link.message), repr(getattr(link, "body", b"")), repr(vars(link))]
            written += [repr(pickle.dumps(link)), repr(vars(pickle.loads(pickle.dumps(link))))]
            written += [repr(vars(copy.copy(link))), repr(vars(copy.deepcopy(link)))]
    return "\n".join(written)
