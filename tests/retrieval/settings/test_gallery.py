import re
from typing import Any

import pytest
from hypothesis import given

from retrieval.settings.gallery import KINDS, GallerySettings, describe_settings, merge_settings
from retrieval.settings.index import INDEX_KINDS
from tenants.errors import InvalidSettings
from tests.retrieval.settings.said import ANY_SETTINGS, SETTINGS

NAMES = {*KINDS, *INDEX_KINDS, "rerank", "index"}


def parse(said: dict[str, Any]) -> GallerySettings | str:
    """The settings, or why not."""
    try:
        return GallerySettings.parse(said)
    except InvalidSettings as refused:
        return refused.message


@given(SETTINGS)
def test_settings_are_read_back_as_they_were_or_refused_by_name(said: dict[str, Any]) -> None:
    settings = parse(said)
    if isinstance(settings, str):
        # Each value could be: only together with others of the index can it not.
        assert settings.split()[0] in said["index"]
        return
    assert GallerySettings.parse(settings.as_dict()) == settings
    plain = {name: value for name, value in said.items() if name != "index"}
    assert settings.as_dict().items() >= plain.items()


@given(ANY_SETTINGS)
def test_anything_said_makes_settings_or_is_refused_by_name(said: dict[str, Any]) -> None:
    settings = parse(said)
    if isinstance(settings, str):
        assert set(re.findall(r"[A-Za-z_]+", settings)) & {*NAMES, "setting"}
        settings.encode()  # also where what was said holds half a surrogate pair
    else:
        assert GallerySettings.parse(settings.as_dict()) == settings


def test_settings_default_to_a_balanced_index_and_a_vote_without_policies() -> None:
    assert GallerySettings.parse({}).as_dict() == {
        "detect": True,
        "max_regions": 5,
        "fallback": True,
        "shortlist": 100,
        "rerank": [],
        "grouping": "vote",
        "vote_k": 20,
        "category_votes": 20,
        "score_threshold": None,
        "margin": 0.0,
        "false_accept_rate": 0.05,
        "index": {
            "preset": "balanced",
            "representation": "float",
            "type": "HNSW",
            "M": 16,
            "efConstruction": 200,
            "ef": 128,
            "metric": "cosine",
            "projection": "pca",
            "dims": None,
            "whitening": 0.125,
            "dba": 0,
        },
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("detect", 1),
        ("fallback", "true"),
        ("max_regions", 0),
        ("max_regions", 21),
        ("max_regions", 5.0),
        ("max_regions", True),
        ("shortlist", 1001),
        ("grouping", "mean"),
        ("grouping", ["max"]),
        ("vote_k", 0),
        ("category_votes", -1),
        ("score_threshold", float("nan")),
        ("score_threshold", 1.01),
        ("score_threshold", "0.5"),
        ("margin", -0.1),
        ("false_accept_rate", 1.1),
        ("index", []),
        ("index", "exact"),
    ],
)
def test_settings_name_the_one_that_cannot_work(name: str, value: object) -> None:
    with pytest.raises(InvalidSettings, match=f"^{name} must be"):
        GallerySettings.parse({name: value})


@pytest.mark.parametrize(
    "value",
    ["alpha_qe", ["zoom"], [{"k": 1}], ["aqe", "aqe"], ["k_reciprocal", "aqe"], [{"policy": "aqe", "k": 0}]],
)
def test_rerank_that_cannot_run_is_refused_with_the_reason(value: object) -> None:
    with pytest.raises(InvalidSettings, match=r"^rerank: "):
        GallerySettings.parse({"rerank": value})


def test_unknown_setting_is_named_with_those_that_there_are() -> None:
    with pytest.raises(InvalidSettings, match=r"no setting 'zoom'\. There are category_votes, detect, "):
        GallerySettings.parse({"zoom": 1, "detect": True})
    with pytest.raises(InvalidSettings, match=r"no setting of index 'zoom'\. There are M, binarizer, "):
        GallerySettings.parse({"index": {"zoom": 1}})


def test_null_takes_a_setting_back_to_its_default() -> None:
    said = {"detect": False, "score_threshold": 0.5, "index": {"embedders": ["one"], "preset": "exact"}}
    assert merge_settings(said, {"score_threshold": None, "index": {"preset": None}}) == {
        "detect": False,
        "index": {"embedders": ["one"]},
    }
    assert merge_settings(said, {"index": None}) == {"detect": False, "score_threshold": 0.5}


def test_change_replaces_plain_settings_and_merges_the_index() -> None:
    said = {"rerank": ["aqe"], "margin": 0.1, "index": {"embedders": ["one"], "ef": 64}}
    change = {"rerank": ["k_reciprocal"], "index": {"dims": 128}}
    assert merge_settings(said, change) == {
        "rerank": ["k_reciprocal"],
        "margin": 0.1,
        "index": {"embedders": ["one"], "ef": 64, "dims": 128},
    }
    assert said == {"rerank": ["aqe"], "margin": 0.1, "index": {"embedders": ["one"], "ef": 64}}


@pytest.mark.parametrize("index", [[], "exact", 5, True, {"preset": "huge"}, {"zoom": 1}])
def test_change_of_an_index_that_is_none_is_refused(index: object) -> None:
    with pytest.raises(InvalidSettings):
        merge_settings({"index": {"embedders": ["one"]}}, {"index": index})


def test_description_has_every_setting() -> None:
    described = describe_settings()
    assert described.keys() == GallerySettings.parse({}).as_dict().keys()
    assert described["index"].keys() == INDEX_KINDS.keys()
