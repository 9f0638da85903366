"""What the headers of a request ask for: a language, a media type."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

LD_JSON = "application/ld+json"
MERGE_PATCH = "application/merge-patch+json"


def media_type(header: str | None) -> str:
    """Return a content type without its parameters, in lower case; empty if there is none."""
    return (header or "").partition(";")[0].strip().lower()


def accepts(header: str | None, media: str) -> bool:
    """Tell whether an ``Accept`` header allows a media type; no header allows all."""
    if header is None or not header.strip():
        return True
    major = media.partition("/")[0]
    return any(
        quality > 0 and wanted in {media, f"{major}/*", "*/*"}
        for wanted, quality in _weighted(header)
    )


def preferred_language(header: str | None, available: Sequence[str], default: str) -> str:
    """Return the available language an ``Accept-Language`` header likes best, or the default."""
    ranked = sorted(_weighted(header or ""), key=lambda pair: -pair[1])
    for wanted, quality in ranked:
        language = wanted.partition("-")[0]
        if quality > 0 and language in available:
            return language
        if quality > 0 and language == "*":
            return default
    return default


def _weighted(header: str) -> Iterator[tuple[str, float]]:
    for part in header.split(","):
        value, *parameters = (piece.strip().lower() for piece in part.split(";"))
        yield value, _quality(parameters)


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0
