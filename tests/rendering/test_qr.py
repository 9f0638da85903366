from __future__ import annotations

import stat
import subprocess
import sys
from pathlib import Path

import pytest
import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from eguma_async import ConfigurationError, TicketCode
from tests.support import codes

ROOT = Path(__file__).parents[2]
NUMBER = "4666825950402448933"
NUMBERS = st.one_of(
    st.text("0123456789", min_size=1, max_size=40),
    st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=255),
)


@given(number=NUMBERS)
@settings(max_examples=40, deadline=None)
def test_what_a_scanner_reads_is_the_number_to_the_letter(number: str) -> None:
    code = TicketCode(number)

    assert codes.read(codes.from_png(code.png(scale=3))) == [number]


@pytest.mark.parametrize("number", [NUMBER, "0000000000000000001", "7", "00", "a" * 255, "1e3"])
@pytest.mark.parametrize("scale", [1, 2, 8])
def test_a_picture_is_read_at_any_scale(number: str, scale: int) -> None:
    assert codes.read(codes.from_png(TicketCode(number).png(scale=scale))) == [number]


@pytest.mark.parametrize("number", [NUMBER, "0000000000000000001", "7", "a" * 255])
def test_each_form_says_the_same(number: str) -> None:
    code = TicketCode(number)

    assert codes.read(codes.from_svg(code.svg())) == [number]
    assert [codes.read(page) for page in codes.from_pdf(code.pdf())] == [[number]]
    assert codes.read(codes.from_terminal(code.terminal())) == [number]
    assert codes.read(codes.from_terminal(code.terminal(color=False))) == [number]


def test_a_short_number_is_no_micro_code() -> None:
    assert segno.make("7", error="m").is_micro  # what would have become of it
    assert len(TicketCode("7").modules()) == 21


def test_the_same_number_gives_the_same_bytes() -> None:
    one, other = TicketCode(NUMBER), TicketCode(NUMBER)

    assert one == other
    assert (one.png(), one.svg(), one.pdf()) == (other.png(), other.svg(), other.pdf())
    assert b"CreationDate" not in one.pdf()


def test_a_document_is_whole_without_its_date() -> None:
    data = TicketCode(NUMBER).pdf()

    start = int(data.split(b"startxref")[1].split()[0])
    assert data[start:].startswith(b"xref")


def test_there_is_white_around_it_on_any_ground() -> None:
    picture = codes.from_png(TicketCode(NUMBER).png(scale=1))

    assert picture.size == (29, 29)
    assert {picture.getpixel((x, y)) for x in range(29) for y in (*range(4), *range(25, 29))} == {
        255
    }
    assert b'fill="#fff" d="M0 0h29v29h-29z"' in TicketCode(NUMBER).svg()


@pytest.mark.parametrize(
    ("number", "says"),
    [
        (4666825950402448933, "must be text, not int: it may begin with 0"),
        (None, "the ticket has no number yet"),
        ("", "the ticket has no number yet"),
        (" 12", "1 to 255 visible ASCII characters, without spaces"),
        ("12\n", "1 to 255 visible ASCII characters, without spaces"),
        ("ü", "1 to 255 visible ASCII characters, without spaces"),
        ("1" * 256, "1 to 255 visible ASCII characters, without spaces"),
    ],
)
def test_what_no_code_can_say_is_refused(number: object, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        TicketCode(number)  # type: ignore[arg-type]  # on purpose


@pytest.mark.parametrize("scale", [0, -1, 201, 1.5, True, "8"])
def test_a_scale_that_is_none_is_refused(scale: object) -> None:
    with pytest.raises(ConfigurationError, match="scale must be a whole number from 1 to 200"):
        TicketCode(NUMBER).png(scale=scale)  # type: ignore[arg-type]  # on purpose


def test_its_repr_does_not_give_the_ticket_away() -> None:
    assert repr(TicketCode(NUMBER)) == "TicketCode()"


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf", "PNG"])
def test_a_file_is_its_owners_alone_and_takes_the_place_of_another(
    tmp_path: Path, suffix: str
) -> None:
    path = tmp_path / f"t.{suffix}"
    path.write_text("of yesterday")
    path.chmod(0o644)
    code = TicketCode(NUMBER)

    code.save(path, scale=2)

    made = {"png": lambda: code.png(scale=2), "svg": code.svg, "pdf": code.pdf}
    assert path.read_bytes() == made[suffix.lower()]()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("t.gif", "must end in .png, .svg or .pdf"),
        ("t", "must end in .png, .svg or .pdf"),
        ("missing/t.png", "in a directory that exists"),
        ("folder.png", "must name a plain file"),
    ],
)
def test_what_is_no_place_for_a_code_is_refused(tmp_path: Path, name: str, says: str) -> None:
    (tmp_path / "folder.png").mkdir()

    with pytest.raises(ConfigurationError, match=says):
        TicketCode(NUMBER).save(tmp_path / name)

    assert list(tmp_path.iterdir()) == [tmp_path / "folder.png"]


WITHOUT = """
import sys
sys.modules["segno"] = sys.modules["reportlab"] = None  # as if they were not installed
from eguma_async import BookedTicket, ConfigurationError, TicketPage, tickets_pdf
code = BookedTicket(ticket_number="1", category_id="a").qr()
for draw in (code.png, code.svg, code.pdf, code.terminal, code.modules):
    try:
        draw()
    except ConfigurationError as error:
        print(error, error.__cause__)
try:
    tickets_pdf([TicketPage(number="1", product="Gipfelfahrt")])
except ConfigurationError as error:
    print(error, error.__cause__)
"""


def test_a_package_that_is_missing_is_named() -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT], cwd=ROOT, capture_output=True, text=True, check=True
    )

    *drawn, printed = done.stdout.splitlines()
    assert drawn == ["a QR code needs the package segno: pip install 'eguma_async[qr]' None"] * 5
    assert printed == (
        "tickets in PDF need the package reportlab: pip install 'eguma_async[pdf]' None"
    )
