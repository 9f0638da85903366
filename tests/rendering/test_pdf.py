from __future__ import annotations

import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import attrs
import pypdfium2
import pytest
import reportlab
from hypothesis import given, settings
from hypothesis import strategies as st

from eguma_async import ConfigurationError, TicketPage, missing_characters, tickets_pdf
from tests.support import codes

NUMBER = "4666825950402448933"
FONTS = Path(reportlab.__file__).parent / "fonts"
PAGE = TicketPage(
    number=NUMBER,
    product="Gipfelfahrt mit Frühstück",
    category="Erwachsene",
    starts=datetime(2026, 3, 19, 10, 0),
    reference="1000053",
    merchant="Bergbahn Muster AG",
    language="de",
)


@pytest.mark.parametrize(("size", "points"), [("a4", (595, 842)), ("a6", (298, 420))])
def test_a_page_shows_a_ticket_and_its_code(size: Any, points: tuple[int, int]) -> None:
    other = attrs.evolve(PAGE, number="0000000000000000001", category="Kind")

    data = tickets_pdf([PAGE, other], size=size)

    assert [codes.read(page) for page in codes.from_pdf(data)] == [[NUMBER], [other.number]]
    with pypdfium2.PdfDocument(data) as document:
        assert [tuple(map(round, page.get_size())) for page in document] == [points, points]
    first, second = codes.texts(data)
    for shown in (
        "Bergbahn Muster AG",
        "Ticket 1/2",
        "Gipfelfahrt mit Frühstück",
        "Donnerstag, 19. März 2026",
        "Zeit 10:00",
        "Kategorie Erwachsene",
        "Buchung 1000053",
        NUMBER,
    ):
        assert shown in first
    assert "Ticket 2/2" in second
    assert "Kind" in second
    assert other.number in second


@pytest.mark.parametrize(
    ("language", "day"),
    [
        ("en", "Thursday, 19 March 2026"),
        ("de-CH", "Donnerstag, 19. März 2026"),
        ("fr", "jeudi 19 mars 2026"),
        ("it", "giovedì, 19 marzo 2026"),
        ("rm", "Thursday, 19 March 2026"),
        (None, "Thursday, 19 March 2026"),
    ],
)
def test_a_whole_day_has_no_time(language: str | None, day: str) -> None:
    page = attrs.evolve(PAGE, starts=date(2026, 3, 19), language=language)

    (text,) = codes.texts(tickets_pdf([page]))

    assert day in text
    assert "00:00" not in text
    assert "10:00" not in text


def test_a_time_is_shown_as_it_is_told() -> None:
    at_noon = attrs.evolve(PAGE, starts=datetime(2026, 3, 19, 12, 5, tzinfo=UTC))

    assert "Zeit 12:05" in codes.texts(tickets_pdf([at_noon]))[0]


def test_what_is_not_known_leaves_no_gap() -> None:
    (text,) = codes.texts(tickets_pdf([TicketPage(number=NUMBER, product="Family day")]))

    assert text == (
        f"Ticket Family day Please show this code at the entrance. Ticket number {NUMBER}"
    )


def test_several_persons_are_told() -> None:
    texts = codes.texts(tickets_pdf([attrs.evolve(PAGE, persons=4), attrs.evolve(PAGE, persons=1)]))

    assert "Personen 4" in texts[0]
    assert "Personen" not in texts[1]


def test_a_cancelled_ticket_says_so_and_has_no_code() -> None:
    data = tickets_pdf([attrs.evolve(PAGE, is_cancelled=True)])

    assert codes.read(codes.from_pdf(data)[0]) == []
    assert "STORNIERT" in codes.texts(data)[0]
    assert "Eingang" not in codes.texts(data)[0]


def test_the_same_tickets_give_the_same_bytes_which_tell_no_time_and_no_machine() -> None:
    data = tickets_pdf([PAGE])

    assert data == tickets_pdf([PAGE])
    with pypdfium2.PdfDocument(data) as document:
        told = document.get_metadata_dict()
    assert told["Title"] == "Ticket 1000053"
    assert told["CreationDate"] == told["ModDate"] == "D:20000101000000+00'00'"
    assert {told["Author"], told["Subject"], told["Keywords"]} <= {"", "anonymous", "unspecified"}


# Text that is long, or that a font lacks


@given(
    page=st.builds(
        TicketPage,
        number=st.just(NUMBER),
        product=st.text(min_size=0, max_size=400),
        category=st.text(max_size=120),
        merchant=st.text(max_size=120),
        reference=st.text(max_size=60),
        starts=st.none() | st.datetimes() | st.dates(),
        persons=st.none() | st.integers(1, 10**6),
        language=st.sampled_from([None, "de", "fr", "it"]),
    ),
    size=st.sampled_from(["a4", "a6"]),
)
@settings(max_examples=12, deadline=None)
def test_the_code_is_read_whatever_stands_beside_it(page: TicketPage, size: Any) -> None:
    (picture,) = codes.from_pdf(tickets_pdf([page], size=size))

    assert codes.read(picture) == [NUMBER]


def test_the_longest_number_is_read() -> None:
    longest = attrs.evolve(PAGE, number="x" * 255, product="sehr lang " * 40)

    (picture,) = codes.from_pdf(tickets_pdf([longest], size="a6"), scale=4)

    assert codes.read(picture) == ["x" * 255]


def test_a_long_name_wraps_and_no_word_of_it_is_lost() -> None:
    name = "Große Rundfahrt mit dem Dampfschiff über den ganzen See und zurück mit Mittagessen"
    (text,) = codes.texts(tickets_pdf([attrs.evolve(PAGE, product=name)], size="a6"))

    assert name in text


def test_a_name_that_is_too_long_ends_with_dots() -> None:
    page = attrs.evolve(PAGE, product="lang " * 200, category="x" * 200, merchant="y " * 200)
    data = tickets_pdf([page], size="a6")

    assert codes.texts(data)[0].count("…") == 3
    assert codes.read(codes.from_pdf(data)[0]) == [NUMBER]


def test_a_character_that_the_font_lacks_is_a_box() -> None:
    known = attrs.evolve(PAGE, product="Zur Burg")
    unknown = attrs.evolve(PAGE, product="Zur Burg 🎸")

    assert missing_characters([known]) == frozenset()
    assert missing_characters([unknown]) == {"🎸"}
    one, other = (codes.from_pdf(tickets_pdf([page]))[0] for page in (known, unknown))
    assert one.tobytes() != other.tobytes()  # it did not vanish
    assert "Zur Burg" in codes.texts(tickets_pdf([unknown]))[0]


def test_marks_without_a_look_and_line_breaks_are_no_boxes() -> None:
    odd = attrs.evolve(PAGE, product="Früh\u00adstück\r\nfür\u200balle\ufe0f \u202ex")

    assert missing_characters([odd]) == frozenset()
    assert "Frühstück füralle x" in codes.texts(tickets_pdf([odd]))[0]


def test_half_a_surrogate_pair_is_a_box() -> None:
    broken = attrs.evolve(PAGE, product="a\ud800b", reference="1\udfff")

    assert missing_characters([broken]) == {"\ufffd"}
    assert codes.read(codes.from_pdf(tickets_pdf([broken]))[0]) == [NUMBER]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"product": None}, "product must be text, not NoneType"),
        ({"category": 5}, "category must be text, not int"),
        ({"reference": None}, "reference must be text, not NoneType"),
        ({"merchant": b"a"}, "merchant must be text, not bytes"),
        ({"language": 5}, "language must be text, not int"),
        ({"persons": "3"}, "persons must be a whole number"),
        ({"persons": True}, "persons must be a whole number"),
        ({"starts": "2026-03-19"}, "starts must be a datetime, a date"),
        ({"number": ""}, "the ticket has no number yet"),
    ],
)
def test_what_no_page_can_show_is_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        attrs.evolve(PAGE, **wrong)


def test_accents_of_their_own_are_composed() -> None:
    assert missing_characters([attrs.evolve(PAGE, product="Fru\u0308hstu\u0308ck")]) == frozenset()


def test_a_font_of_ones_own_is_used(tmp_path: Path) -> None:
    bold, plain = tmp_path / "one.ttf", tmp_path / "other.ttf"
    shutil.copy(FONTS / "VeraBd.ttf", bold)
    shutil.copy(FONTS / "Vera.ttf", plain)

    made = [tickets_pdf([PAGE], font=font) for font in (bold, plain, None)]

    assert len(set(made)) == 3
    assert [codes.read(codes.from_pdf(data)[0]) for data in made] == [[NUMBER]] * 3


def test_of_two_files_with_one_name_of_a_font_each_is_used(tmp_path: Path) -> None:
    """The name of the face is within the file, and a new version has the old one."""
    file, wider = tmp_path / "one.ttf", tmp_path / "other.ttf"
    data = bytearray((FONTS / "Vera.ttf").read_bytes())
    file.write_bytes(data)
    tables = 12 + 16 * int.from_bytes(data[4:6], "big")
    head = data.index(b"head", 12, tables)
    units = int.from_bytes(data[head + 8 : head + 12], "big") + 18
    assert int.from_bytes(data[units : units + 2], "big") == 2048
    data[units : units + 2] = (1024).to_bytes(2, "big")  # each letter is twice as wide
    wider.write_bytes(data)

    one, other = (codes.from_pdf(tickets_pdf([PAGE], font=font))[0] for font in (file, wider))

    assert one.tobytes() != other.tobytes()


@pytest.mark.parametrize("content", [None, b"", b"no font", b"\0\1\0\0" + bytes(40)])
def test_a_file_that_is_no_font_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "font.ttf"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(ConfigurationError, match="font must name a TrueType file"):
        tickets_pdf([PAGE], font=path)


@pytest.mark.parametrize(
    ("call", "says"),
    [
        (lambda: tickets_pdf([]), "there is no ticket to draw"),
        (lambda: tickets_pdf([NUMBER]), "pages must be TicketPage objects"),  # type: ignore[list-item]  # on purpose
        (lambda: tickets_pdf([PAGE], size="a5"), "size must be 'a4' or 'a6'"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_is_refused(call: Any, says: str) -> None:
    with pytest.raises(ConfigurationError, match=says):
        call()


def test_a_page_does_not_give_its_ticket_away() -> None:
    assert NUMBER not in repr(PAGE)
