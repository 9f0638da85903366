"""The words on a ticket, and its day, in the languages that tickets are sold in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

import attrs


def _split(text: str) -> tuple[str, ...]:
    return tuple(text.split())


@attrs.frozen(kw_only=True)
class Words:
    """The words of one language.

    Attributes:
        written: How a day is written; its parts are the names of `date_in`.
        weekdays: From Monday on.
        months: From January on.
    """

    ticket: str
    day: str
    time: str
    category: str
    persons: str
    reference: str
    number: str
    show: str
    cancelled: str
    written: str
    weekdays: tuple[str, ...] = attrs.field(converter=_split)
    months: tuple[str, ...] = attrs.field(converter=_split)

    def date_in(self, day: date) -> str:
        """Write a day with the name of its weekday and month."""
        return self.written.format(
            weekday=self.weekdays[day.weekday()],
            day=day.day,
            month=self.months[day.month - 1],
            year=day.year,
        )


ENGLISH = Words(
    ticket="Ticket",
    day="Date",
    time="Time",
    category="Category",
    persons="Persons",
    reference="Booking",
    number="Ticket number",
    show="Please show this code at the entrance.",
    cancelled="CANCELLED",
    written="{weekday}, {day} {month} {year}",
    weekdays="Monday Tuesday Wednesday Thursday Friday Saturday Sunday",
    months=(
        "January February March April May June July August September October November December"
    ),
)
_GERMAN = Words(
    ticket="Ticket",
    day="Datum",
    time="Zeit",
    category="Kategorie",
    persons="Personen",
    reference="Buchung",
    number="Ticketnummer",
    show="Bitte diesen Code am Eingang zeigen.",
    cancelled="STORNIERT",
    written="{weekday}, {day}. {month} {year}",
    weekdays="Montag Dienstag Mittwoch Donnerstag Freitag Samstag Sonntag",
    months=("Januar Februar März April Mai Juni Juli August September Oktober November Dezember"),
)
_FRENCH = Words(
    ticket="Billet",
    day="Date",
    time="Heure",
    category="Catégorie",
    persons="Personnes",
    reference="Réservation",
    number="Numéro du billet",
    show="Veuillez présenter ce code à l\N{RIGHT SINGLE QUOTATION MARK}entrée.",
    cancelled="ANNULÉ",
    written="{weekday} {day} {month} {year}",
    weekdays="lundi mardi mercredi jeudi vendredi samedi dimanche",
    months="janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
)
_ITALIAN = Words(
    ticket="Biglietto",
    day="Data",
    time="Ora",
    category="Categoria",
    persons="Persone",
    reference="Prenotazione",
    number="Numero del biglietto",
    show="Si prega di mostrare questo codice all\N{RIGHT SINGLE QUOTATION MARK}ingresso.",
    cancelled="ANNULLATO",
    written="{weekday}, {day} {month} {year}",
    weekdays="lunedì martedì mercoledì giovedì venerdì sabato domenica",
    months=(
        "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre"
        " dicembre"
    ),
)
_LANGUAGES: Mapping[str, Words] = {
    "en": ENGLISH,
    "de": _GERMAN,
    "fr": _FRENCH,
    "it": _ITALIAN,
}


def words_in(language: str | None) -> Words:
    """Return the words of a language; English ones if there are none of it.

    Args:
        language: ISO 639-1; a region after it does not matter.
    """
    return _LANGUAGES.get((language or "en").lower()[:2], ENGLISH)
