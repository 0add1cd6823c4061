from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.domain.gallery_settings import GallerySettings
from tenants.errors import InvalidSettings

VALID = st.fixed_dictionaries(
    {},
    optional={
        "detect": st.booleans(),
        "max_regions": st.integers(1, 20),
        "score_threshold": st.floats(-1, 1),
    },
)
ANYTHING = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.integers(), max_size=2)
)


@given(VALID)
def test_settings_parse_keeps_what_is_given_and_defaults_the_rest(values: dict[str, Any]) -> None:
    settings = GallerySettings.parse(values)
    assert settings.as_dict() == {**GallerySettings().as_dict(), **values}
    assert GallerySettings.parse(settings.as_dict()) == settings


def can_work(name: str, value: Any) -> bool:
    if name == "detect":
        return isinstance(value, bool)
    if name == "max_regions":
        return type(value) is int and 1 <= value <= 20
    return type(value) in {int, float} and -1 <= value <= 1


@given(st.dictionaries(st.sampled_from(["detect", "max_regions", "score_threshold"]), ANYTHING))
def test_settings_parse_answers_working_settings_or_names_one_that_is_not(values: dict[str, Any]) -> None:
    wrong = [name for name, value in values.items() if not can_work(name, value)]
    if not wrong:
        assert GallerySettings.parse(values).as_dict() == {**GallerySettings().as_dict(), **values}
        return
    with pytest.raises(InvalidSettings) as refused:
        GallerySettings.parse(values)
    assert refused.value.message.split()[0] in wrong


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("detect", 1),
        ("detect", "true"),
        ("max_regions", 0),
        ("max_regions", 21),
        ("max_regions", 5.0),
        ("max_regions", True),
        ("score_threshold", float("nan")),
        ("score_threshold", 1.01),
        ("score_threshold", -1.01),
        ("score_threshold", "0.5"),
        ("score_threshold", None),
    ],
)
def test_settings_name_the_one_that_cannot_work(name: str, value: object) -> None:
    with pytest.raises(InvalidSettings, match=f"^{name} must be"):
        GallerySettings.parse({name: value})


def test_settings_parse_names_unknown_ones_and_the_known() -> None:
    with pytest.raises(InvalidSettings, match=r"Unknown setting: color, zoom\. Settings are detect, "):
        GallerySettings.parse({"zoom": 1, "detect": True, "color": 2})
