"""The code of a ticket, as a picture that a scanner at the gate reads."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import attrs

from eguma_async.core.errors import ConfigurationError
from eguma_async.core.files import check_is_plain, replacing

_VISIBLE = re.compile(r"[\x21-\x7e]{1,255}", re.ASCII)
_PDF_DATE = re.compile(rb"/CreationDate\([^)]*\)")
QUIET_ZONE = 4
"""Modules of white around a code: without them it is not found."""
DEFAULT_SCALE = 8
LARGEST_SCALE = 200


def ticket_number(instance: object, field: Any, value: Any) -> None:
    """Accept what a code can say to the letter."""
    if value is None or value == "":
        raise ConfigurationError("there is nothing to make a code of: the ticket has no number yet")
    if not isinstance(value, str):
        raise ConfigurationError(
            f"the number of a ticket must be text, not {type(value).__name__}: it may begin with 0"
        )
    if not _VISIBLE.fullmatch(value):
        raise ConfigurationError(
            "the number of a ticket must be 1 to 255 visible ASCII characters, without spaces"
        )


@attrs.frozen
class TicketCode:
    """The QR code of a ticket: its number and nothing else, to the letter.

    It is never a Micro QR code, which many scanners do not read, and survives the loss of 15 % of
    it (error correction M, or higher where that takes no more room). Whoever has the picture has
    the ticket. It is drawn by segno: ``pip install 'eguma_async[qr]'``.

    Attributes:
        number: Visible ASCII, such as 19 digits. It is in no ``repr``.
    """

    number: str = attrs.field(validator=ticket_number, repr=False)

    def modules(self) -> tuple[tuple[bool, ...], ...]:
        """Return its squares, row by row, without the white around it; True for a dark one.

        Raises:
            ConfigurationError: The package segno is missing.
        """
        return tuple(tuple(map(bool, row)) for row in self._drawn().matrix)

    def png(self, *, scale: int = DEFAULT_SCALE) -> bytes:
        """Return a black and white picture.

        Args:
            scale: Pixels of a module, of which a code has 21 to 97 a side, and 8 for the white.

        Raises:
            ConfigurationError: The scale is none, or the package segno is missing.
        """
        return self._saved("png", scale=_checked(scale))

    def svg(self) -> bytes:
        """Return a vector image, 8 units a module; it scales without loss.

        Raises:
            ConfigurationError: The package segno is missing.
        """
        return self._saved("svg", scale=DEFAULT_SCALE, light="#fff")

    def pdf(self) -> bytes:
        """Return one page that is as large as the code, 8 points a module. It tells no date.

        Raises:
            ConfigurationError: The package segno is missing.
        """
        made = self._saved("pdf", scale=DEFAULT_SCALE, light="#fff")
        return _PDF_DATE.sub(lambda date: b" " * len(date[0]), made)  # offsets stay right

    def terminal(self, *, color: bool = True) -> str:
        """Return lines that draw it, two rows of modules a line.

        Args:
            color: Say black and white by ANSI sequences. Without them the light modules are drawn,
                as for a terminal with bright text on a dark ground.

        Raises:
            ConfigurationError: The package segno is missing.
        """
        on, off = ("\x1b[30;107m", "\x1b[0m") if color else ("", "")
        # With colours the dark modules are drawn upon white, else the light ones upon black.
        return "".join(f"{on}{line}{off}\n" for line in self._half_blocks(drawn=color))

    def save(self, to: Path | str, *, scale: int = DEFAULT_SCALE) -> None:
        """Write it to a file, which its owner alone can read. One that exists is replaced.

        Args:
            to: Its suffix, .png, .svg or .pdf, says what it becomes.
            scale: Pixels of a module, for .png.

        Raises:
            ConfigurationError: Of another suffix, or no plain file; or as for the others.
        """
        path = Path(to)
        data = self._writer(path)(scale)
        with replacing(path) as file:
            file.write(data)

    def _writer(self, path: Path) -> Callable[[int], bytes]:
        writers: dict[str, Callable[[int], bytes]] = {
            ".png": lambda scale: self.png(scale=scale),
            ".svg": lambda _: self.svg(),
            ".pdf": lambda _: self.pdf(),
        }
        suffix = path.suffix.lower()
        if suffix not in writers:
            raise ConfigurationError("the name of the file must end in .png, .svg or .pdf")
        check_is_plain(path)
        return writers[suffix]

    def _half_blocks(self, *, drawn: bool) -> Iterator[str]:
        """Yield lines of characters that each stand for two modules, one above the other."""
        rows = [tuple(row) for row in self._drawn().matrix_iter(border=QUIET_ZONE)]
        rows += [(not drawn,) * len(rows[0])] * (len(rows) % 2)  # the lower half of the last line
        blocks = {(False, False): " ", (True, False): "▀", (False, True): "▄", (True, True): "█"}
        for upper, lower in zip(rows[::2], rows[1::2], strict=True):
            pairs = zip(upper, lower, strict=True)
            yield "".join(blocks[bool(up) is drawn, bool(low) is drawn] for up, low in pairs)

    def _drawn(self) -> Any:
        return _segno().make_qr(self.number, error="m")

    def _saved(self, kind: str, **how: Any) -> bytes:
        out = io.BytesIO()
        self._drawn().save(out, kind=kind, border=QUIET_ZONE, **how)
        return out.getvalue()


def _checked(scale: int) -> int:
    if type(scale) is not int or not 0 < scale <= LARGEST_SCALE:
        raise ConfigurationError(f"scale must be a whole number from 1 to {LARGEST_SCALE}")
    return scale


def _segno() -> ModuleType:
    try:
        import segno  # noqa: PLC0415  # an extra
    except ImportError:
        pass
    else:
        return segno
    raise ConfigurationError("a QR code needs the package segno: pip install 'eguma_async[qr]'")
