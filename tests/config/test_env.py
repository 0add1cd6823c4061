import os
from pathlib import Path
from unittest import mock

import pytest
from django.core.exceptions import ImproperlyConfigured
from hypothesis import given
from hypothesis import strategies as st

from config.env import (
    read_bound,
    read_choice,
    read_flag,
    read_folders,
    read_list,
    read_number,
    read_path,
    read_text,
)

NAME = "VITRINE_TEST_VARIABLE"
# What an environment can hold: no NUL, no lone surrogates.
VALUES = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=30)


def with_value(value: str) -> "mock._patch_dict":
    return mock.patch.dict(os.environ, {NAME: value})


@given(st.integers(1, 10**12))
def test_read_number_reads_whole_numbers(number: int) -> None:
    with with_value(str(number)):
        assert read_number(NAME, 1) == number


@given(VALUES)
def test_read_number_answers_a_number_above_zero_or_names_the_variable(value: str) -> None:
    with with_value(value):
        if value.isdecimal() and int(value) > 0:
            assert read_number(NAME, 7) == int(value)
        else:
            with pytest.raises(ImproperlyConfigured, match=NAME):
                read_number(NAME, 7)


@pytest.mark.parametrize(("value", "bound"), [("none", None), ("NONE", None), ("5", 5)])
def test_read_bound_reads_a_number_or_none(value: str, bound: int | None) -> None:
    assert read_bound(NAME, 7) == 7
    with with_value(value):
        assert read_bound(NAME, 7) == bound


@pytest.mark.parametrize("value", ["0", "-1", "", "nothing"])
def test_read_bound_refuses_what_is_neither(value: str) -> None:
    with with_value(value), pytest.raises(ImproperlyConfigured, match=NAME):
        read_bound(NAME)


@pytest.mark.parametrize("value", ["0", "00", "-1", "1.5", "1e3", "", " ", "ten", "²"])
def test_read_number_refuses(value: str) -> None:
    with with_value(value), pytest.raises(ImproperlyConfigured, match=f"{NAME} must be a whole number"):
        read_number(NAME, 7)


@given(VALUES)
def test_read_flag_answers_a_truth_or_names_the_variable(value: str) -> None:
    with with_value(value):
        if value.lower() in {"", "0", "1", "true", "false", "yes", "no", "on", "off"}:
            assert read_flag(NAME) is (value.lower() in {"1", "true", "yes", "on"})
        else:
            with pytest.raises(ImproperlyConfigured, match=NAME):
                read_flag(NAME)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("1", True), ("TRUE", True), ("yes", True), ("on", True), ("0", False), ("No", False), ("", False)],
)
def test_read_flag_knows_the_usual_words(value: str, expected: bool) -> None:  # noqa: FBT001 - a table's column
    with with_value(value):
        assert read_flag(NAME, default=not expected) is expected


def test_readers_fall_back_to_their_defaults() -> None:
    assert read_text(NAME, "text") == "text"
    assert read_number(NAME, 7) == 7
    assert read_flag(NAME, default=True) is True
    assert read_choice(NAME, "a", ("a", "b")) == "a"
    assert read_list(NAME, "a, b,,") == ["a", "b"]
    assert read_path(NAME, Path("x")) == Path.cwd() / "x"


@given(st.lists(st.text("abc.-*:", min_size=1, max_size=8), max_size=5))
def test_read_list_reads_words_between_commas(words: list[str]) -> None:
    with with_value(" , ".join(words)):
        assert read_list(NAME, "default") == words


def test_read_choice_refuses_what_is_not_on_offer() -> None:
    with with_value("c"), pytest.raises(ImproperlyConfigured, match=f"{NAME} must be one of a, b, not 'c'"):
        read_choice(NAME, "a", ("a", "b"))


def test_read_path_expands_the_home_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv(NAME, "~/media")
    assert read_path(NAME, Path("x")) == tmp_path / "media"


def test_read_folders_reads_absolute_paths() -> None:
    with with_value("/srv/imports, /mnt/studio"):
        assert read_folders(NAME) == (Path("/srv/imports"), Path("/mnt/studio"))
    with with_value(""):
        assert read_folders(NAME) == ()
    with with_value("/srv,imports"), pytest.raises(ImproperlyConfigured, match=f"{NAME} must name absolute"):
        read_folders(NAME)


def test_read_text_reads_a_mounted_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "secret"))
    assert read_text(NAME) == "from the file"
    monkeypatch.setenv(NAME, "from the variable")
    assert read_text(NAME) == "from the variable"


def test_read_text_names_the_variable_whose_file_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{NAME}_FILE", "/nowhere/secret")
    with pytest.raises(ImproperlyConfigured, match=f"{NAME}_FILE: cannot read /nowhere/secret"):
        read_text(NAME)
