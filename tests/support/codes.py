"""Pictures with codes, read back as a scanner does."""

from __future__ import annotations

import io
import re

import pypdfium2
import resvg_py
import zxingcpp
from PIL import Image

QR_CODE = zxingcpp.BarcodeFormat.QRCode


def read(picture: Image.Image) -> list[str]:
    """Return what the QR codes in a picture say; Micro QR codes are others."""
    found = zxingcpp.read_barcodes(picture, try_downscale=False)
    return [code.text for code in found if code.format == QR_CODE]


def from_png(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data)).convert("L")


def from_svg(data: bytes) -> Image.Image:
    return from_png(bytes(resvg_py.svg_to_bytes(svg_string=data.decode())))


def from_pdf(data: bytes, scale: float = 2) -> list[Image.Image]:
    """Return the pages of a document as they are printed."""
    with pypdfium2.PdfDocument(data) as document:
        return [page.render(scale=scale).to_pil().convert("L") for page in document]


def texts(data: bytes) -> list[str]:
    """Return the text of each page of a document, its lines as one."""
    with pypdfium2.PdfDocument(data) as document:
        return [
            " ".join(page.get_textpage().get_text_range().replace("\x02", "").split())
            for page in document
        ]


def from_terminal(text: str) -> Image.Image:
    """Return what a terminal shows, bright on dark unless the text says otherwise."""
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in text.splitlines()]
    bright = "\x1b[30;107m" not in text
    halves = {" ": (0, 0), "▀": (1, 0), "▄": (0, 1), "█": (1, 1)}
    width = len(lines[0])
    picture = Image.new("L", (width, 2 * len(lines)))
    for row, line in enumerate(lines):
        assert len(line) == width
        for column, block in enumerate(line):
            for half, drawn in enumerate(halves[block]):
                light = bool(drawn) is bright
                picture.putpixel((column, 2 * row + half), 255 if light else 0)
    return picture.resize((width * 4, 8 * len(lines)), Image.Resampling.NEAREST)
