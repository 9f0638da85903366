"""Text in a font: what it has no character for is drawn as a box, never left out."""

from __future__ import annotations

import hashlib
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs

from eguma_async.core.errors import ConfigurationError

_BOX = 0.6
"""Width of the box, in parts of the size of the font."""


@attrs.frozen
class Reportlab:
    """The modules of the package reportlab that are needed."""

    canvas: Any
    metrics: Any
    ttfonts: Any


def reportlab() -> Reportlab:
    """Return the modules of reportlab.

    Raises:
        ConfigurationError: It is missing.
    """
    try:
        from reportlab.pdfbase import pdfmetrics, ttfonts  # noqa: PLC0415  # an extra
        from reportlab.pdfgen import canvas  # noqa: PLC0415  # an extra
    except ImportError:
        pass
    else:
        return Reportlab(canvas, pdfmetrics, ttfonts)
    raise ConfigurationError(
        "tickets in PDF need the package reportlab: pip install 'eguma_async[pdf]'"
    )


@attrs.frozen
class Font:
    """One TrueType font."""

    name: str
    face: Any

    def has(self, character: str) -> bool:
        """Tell whether it has a character."""
        return ord(character) in self.face.face.charToGlyph

    def width(self, text: str, size: float) -> float:
        """Return how wide a line is, in points."""
        return sum(self._run_width(run, size, shown=shown) for run, shown in self._runs(text))

    def draw(self, page: Any, x: float, y: float, text: str, size: float) -> None:
        """Draw a line from its left end on."""
        page.setFont(self.name, size)
        page.setLineWidth(size / 20)
        for run, shown in self._runs(text):
            width = self._run_width(run, size, shown=shown)
            if shown:
                page.drawString(x, y, run)
            else:
                page.rect(x + size * 0.08, y, width - size * 0.16, size * 0.7, stroke=1, fill=0)
            x += width

    def _runs(self, text: str) -> Iterator[tuple[str, bool]]:
        """Yield what can be shown as one, and each character that cannot."""
        run = ""
        for character in text:
            if self.has(character):
                run += character
                continue
            if run:
                yield run, True
            yield character, False
            run = ""
        if run:
            yield run, True

    def _run_width(self, run: str, size: float, *, shown: bool) -> float:
        return float(self.face.stringWidth(run, size)) if shown else size * _BOX

    def lines(self, text: str, size: float, width: float) -> list[str]:
        """Break a text between words into lines, and within a word that is wider than a line."""
        lines: list[str] = []
        for word in text.split():
            joined = f"{lines[-1]} {word}" if lines else word
            if lines and self.width(joined, size) <= width:
                lines[-1] = joined
            else:
                lines += self._pieces(word, size, width)
        return lines

    def _pieces(self, word: str, size: float, width: float) -> Iterator[str]:
        piece = ""
        for character in word:
            if piece and self.width(piece + character, size) > width:
                yield piece
                piece = ""
            piece += character
        if piece:
            yield piece


@attrs.frozen
class Fonts:
    """The fonts of a document."""

    plain: Font
    bold: Font

    @classmethod
    def load(cls, file: Path | str | None) -> Fonts:
        """Load a TrueType font; without a file those that reportlab comes with.

        Raises:
            ConfigurationError: The file is none, or reportlab is missing.
        """
        modules = reportlab()
        if file is None:
            return cls(_loaded(modules, "Vera.ttf"), _loaded(modules, "VeraBd.ttf"))
        if not Path(file).is_file():
            raise ConfigurationError("font must name a TrueType file (.ttf) that exists")
        font = _loaded(modules, str(file))
        return cls(font, font)


def _loaded(modules: Reportlab, file: str) -> Font:
    """Return a font, which reportlab keeps by its name from then on."""
    name = "ticket-" + hashlib.sha256(file.encode("utf-8", "surrogateescape")).hexdigest()[:16]
    if name not in modules.metrics.getRegisteredFontNames():
        try:
            font = modules.ttfonts.TTFont(name, file)
            font.face.name = name.encode()  # else of two files of one face the first is taken
            modules.metrics.registerFont(font)
        except Exception:  # noqa: BLE001  # of a file that is no font, its reader raises anything
            name = ""
    if not name:
        raise ConfigurationError("font must name a TrueType file (.ttf); this one cannot be read")
    return Font(name, modules.metrics.getFont(name))


def readable(text: str) -> str:
    """Return text in one line, composed, without what has no look of its own.

    Such as control characters, marks of writing direction and selectors of a variant.
    """
    whole = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")  # no half pairs
    seen = "".join(" " if unicodedata.category(c) in ("Cc", "Zl", "Zp") else c for c in whole)
    shown = (
        c
        for c in unicodedata.normalize("NFC", seen)
        if unicodedata.category(c) != "Cf" and not 0xFE00 <= ord(c) <= 0xFE0F
    )
    return " ".join("".join(shown).split())
