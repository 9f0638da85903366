"""A small, valid PDF made of lines of text."""

from __future__ import annotations

from collections.abc import Sequence

LINES_PER_PAGE = 40


def text_pdf(lines: Sequence[str]) -> bytes:
    """Return a PDF that shows lines of text, on as many A4 pages as they need."""
    starts = range(0, max(1, len(lines)), LINES_PER_PAGE)
    pages = [lines[start : start + LINES_PER_PAGE] for start in starts]
    # Objects 1 to 3 are the catalog, the page tree and the font; each page adds two more.
    kids = b" ".join(b"%d 0 R" % (4 + 2 * i) for i in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [%b] /Count %d >>" % (kids, len(pages)),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    for i, page in enumerate(pages):
        objects += [_page(5 + 2 * i), _stream(page)]
    return _file(objects)


def _page(contents: int) -> bytes:
    return (
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842]"
        b" /Resources << /Font << /F1 3 0 R >> >> /Contents %d 0 R >>" % contents
    )


def _stream(lines: Sequence[str]) -> bytes:
    shown = b"\n".join(b"(%b) Tj T*" % _escaped(line) for line in lines)
    text = b"BT /F1 12 Tf 18 TL 56 780 Td\n%b\nET" % shown
    return b"<< /Length %d >>\nstream\n%b\nendstream" % (len(text), text)


def _escaped(line: str) -> bytes:
    data = line.encode("cp1252", "replace")
    for special in (b"\\", b"(", b")"):
        data = data.replace(special, b"\\" + special)
    return data


def _file(objects: Sequence[bytes]) -> bytes:
    out = bytearray(b"%PDF-1.4\n")
    offsets = []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for offset in offsets:
        out += b"%010d 00000 n \n" % offset
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\n" % (len(objects) + 1)
    out += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(out)
