"""Options of a sandbox from a file."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eguma_async.calibration import Finding, Report, profile_text
from eguma_async.core.errors import ConfigurationError
from eguma_async.sandbox import EgumaOptions, KorusOptions

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), min_size=1)
VALUES = st.none() | st.booleans() | st.integers(-(2**60), 2**60) | TEXTS
FLOATS = st.floats(allow_nan=False, allow_infinity=False)


def report(options, evidence="seen"):
    return Report(
        provider="eguma",
        findings=tuple(
            Finding(
                option=name,
                question="?",
                default=None,
                value=value,
                seen=True,
                evidence=evidence,
            )
            for name, value in options.items()
        ),
    )


@given(price=TEXTS, language=st.none() | TEXTS, skew=st.none() | st.floats(-1e9, 1e9), note=TEXTS)
def test_whatever_was_found_comes_back(tmp_path_factory, price, language, skew, note):
    options = {"price_field": price, "language_field": language, "date_skew_seconds": skew}
    path = tmp_path_factory.mktemp("profile") / "p.toml"
    path.write_text(profile_text(report(options, note), day=note), "utf-8", newline="")
    assert EgumaOptions.from_file(path) == EgumaOptions(**options)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[options]", 'provider must be "eguma"'),
        ("provider = 'korus'", 'provider must be "eguma"'),
        ("provider = 'eguma'\n[options]\nnothing = 1", "no option nothing; there is generation,"),
        (
            "provider = 'eguma'\n[options]\nsold_out_status = 200",
            "sold_out_status must be a status from 400 to 499",
        ),
        ("provider = 'eguma'\nnull = ['generation']", "generation must be one of A, B"),
        ("provider = 'eguma'\noptions = 5", "options must be a table, null a list of names"),
        ("provider = 'eguma'\nmore = 5", "no more belongs there"),
        ("provider", "cannot be read: it is no TOML: "),
    ],
)
def test_a_file_that_says_something_else_is_refused(tmp_path, text, said):
    path = tmp_path / "profile.toml"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError) as caught:
        EgumaOptions.from_file(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_a_file_that_is_not_there(tmp_path):
    with pytest.raises(ConfigurationError, match="cannot be read: No such file"):
        KorusOptions.from_file(tmp_path / "none.toml")


def test_what_it_does_not_name_has_its_default(tmp_path):
    path = tmp_path / "profile.toml"
    path.write_text('provider = "korus"\n[options]\nhold_seconds = 60\n', "utf-8")
    assert KorusOptions.from_file(str(path)) == attrs.evolve(KorusOptions(), hold_seconds=60)
