from typing import Any

import pytest
from hypothesis import assume, given

from retrieval.settings.frame import PRESETS, TYPE_NUMBERS
from retrieval.settings.index import IndexSettings, merge_index
from tenants.errors import InvalidSettings
from tests.retrieval.settings.said import INDEX

FLOAT_TYPES = ("FLAT", "IVF_FLAT", "IVF_SQ8", "HNSW")
BIT_TYPES = ("BIN_FLAT", "BIN_IVF_FLAT")
NUMBERS = dict.fromkeys(("M", "efConstruction", "ef", "nlist", "nprobe"), 16)
OF_TYPE = {
    "FLAT": set(),
    "IVF_FLAT": {"nlist", "nprobe"},
    "IVF_SQ8": {"nlist", "nprobe"},
    "HNSW": {"M", "efConstruction", "ef"},
    "BIN_FLAT": set(),
    "BIN_IVF_FLAT": {"nlist", "nprobe"},
}


def representation_of(kind: str) -> str:
    return "binary" if kind in BIT_TYPES else "float"


def find_refusal(said: dict[str, Any]) -> str | None:
    """The setting that the refusal is about, None where there is none."""
    try:
        IndexSettings.parse(said)
    except InvalidSettings as refused:
        return refused.message.split()[0]
    return None


@given(INDEX)
def test_index_settings_are_read_back_as_they_were_or_refused_by_name(said: dict[str, Any]) -> None:
    if name := find_refusal(said):
        assert name in said
        return
    settings = IndexSettings.parse(said)
    assert IndexSettings.parse(settings.as_dict()) == settings
    assert settings.as_dict().items() >= {n: v for n, v in said.items() if n != "dba"}.items()
    assert settings.dba == said.get("dba", 0)
    assert settings.build_spec().items() <= settings.as_dict().items()


@given(INDEX, INDEX)
def test_change_is_refused_for_what_it_says_and_never_for_what_was_said_before(
    said: dict[str, Any], change: dict[str, Any]
) -> None:
    assume(find_refusal(said) is None)
    merged = merge_index(said, change)
    assert merged.items() >= change.items()
    assert merged.keys() <= said.keys() | change.keys()
    refused = find_refusal(merged)
    assert refused is None or refused in change


@given(INDEX)
def test_change_to_what_is_said_already_changes_nothing_but_what_a_preset_takes_back(
    said: dict[str, Any],
) -> None:
    assume(find_refusal(said) is None)
    assert merge_index(said, {}) == said
    assert merge_index(said, said) == said


@given(INDEX)
def test_preset_named_gives_its_representation_and_type_whatever_was_said(said: dict[str, Any]) -> None:
    assume(find_refusal(said) is None)
    for preset, numbers in PRESETS.items():
        settings = IndexSettings.parse(merge_index(said, {"preset": preset}))
        assert (settings.representation, settings.type) == (numbers["representation"], numbers["type"])


@pytest.mark.parametrize("representation", ["float", "binary", "hybrid"])
@pytest.mark.parametrize("kind", [*FLOAT_TYPES, *BIT_TYPES])
def test_type_that_cannot_hold_the_representation_is_refused(representation: str, kind: str) -> None:
    said = {"representation": representation, "type": kind}
    if (representation == "float") == (kind in FLOAT_TYPES):
        settings = IndexSettings.parse(said)
        assert (settings.representation, settings.type) == (representation, kind)
        return
    with pytest.raises(InvalidSettings, match=f"^type {kind} cannot hold representation {representation}"):
        IndexSettings.parse(said)


@pytest.mark.parametrize("representation", ["float", "binary", "hybrid"])
@pytest.mark.parametrize("metric", ["cosine", "ip", "hamming"])
def test_metric_that_cannot_measure_the_representation_is_refused(representation: str, metric: str) -> None:
    said = {"representation": representation, "metric": metric}
    if (representation == "float") == (metric != "hamming"):
        assert IndexSettings.parse(said).metric == metric
        return
    with pytest.raises(InvalidSettings, match=f"^metric {metric} cannot measure {representation} vectors"):
        IndexSettings.parse(said)


@pytest.mark.parametrize("kind", OF_TYPE)
@pytest.mark.parametrize("name", NUMBERS)
def test_number_of_another_type_is_refused(kind: str, name: str) -> None:
    said = {"representation": representation_of(kind), "type": kind, name: NUMBERS[name]}
    if name in OF_TYPE[kind]:
        assert IndexSettings.parse(said).as_dict()[name] == NUMBERS[name]
        return
    with pytest.raises(InvalidSettings, match=f"^{name} is no number of type {kind}"):
        IndexSettings.parse(said)


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"hamming_radius": 10}, "hamming_radius needs representation binary or hybrid"),
        ({"binarizer": "itq"}, "binarizer needs representation binary or hybrid"),
        ({"oversample": 5}, "oversample needs representation hybrid"),
        ({"representation": "binary", "oversample": 5}, "oversample needs representation hybrid"),
        ({"representation": "hybrid", "dba": 3}, "dba cannot go with representation hybrid"),
        ({"representation": "binary", "dims": 100}, "dims must be a multiple of 8"),
        ({"preset": "compact", "dims": 100}, "dims must be a multiple of 8"),
        ({"projection": "none", "dims": 64}, "dims belongs to projection pca"),
        ({"projection": "none", "whitening": 0.25}, "whitening belongs to projection pca"),
        ({"fusion": "early"}, "fusion needs two embedders or more"),
        ({"fusion": "late", "embedders": ["one"]}, "fusion needs two embedders or more"),
        ({"type": "IVF_FLAT", "nlist": 16, "nprobe": 17}, "nprobe cannot be greater than nlist, which is 16"),
        ({"type": "IVF_FLAT", "nprobe": 1025}, "nprobe cannot be greater than nlist, which is 1024"),
        ({"type": "BIN_FLAT"}, "type BIN_FLAT cannot hold representation float. It takes FLAT or"),
        ({"embedders": []}, "embedders must be a list of 1 to 4"),
        ({"embedders": ["one", "one"]}, "embedders must be a list of 1 to 4"),
        ({"embedders": ["../etc/passwd"]}, "embedders: a model's name has"),
        ({"embedders": [["one"]]}, "embedders must be a list of 1 to 4"),
        ({"embedders": "one"}, "embedders must be a list of 1 to 4"),
    ],
    ids=repr,
)
def test_impossible_combination_is_refused_with_the_reason(said: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidSettings) as refused:
        IndexSettings.parse(said)
    assert refused.value.message.startswith(reason)


@pytest.mark.parametrize(
    ("said", "change", "left"),
    [
        ({"ef": 64}, {"preset": "compact"}, {"preset": "compact"}),
        ({"ef": 64}, {"preset": "fast"}, {"preset": "fast", "ef": 64}),
        ({"representation": "binary", "hamming_radius": 9}, {"preset": "fast"}, {"preset": "fast"}),
        ({"type": "FLAT", "dims": 64}, {"preset": "compact"}, {"preset": "compact", "dims": 64}),
        ({"dims": 100}, {"representation": "binary"}, {"representation": "binary"}),
        ({"type": "HNSW", "M": 8}, {"representation": "hybrid"}, {"representation": "hybrid"}),
        ({"metric": "ip", "dba": 5}, {"representation": "hybrid"}, {"representation": "hybrid"}),
        (
            {"preset": "compact", "oversample": 5},
            {"representation": "float"},
            {"preset": "compact", "representation": "float"},
        ),
        ({"ef": 64, "M": 8}, {"type": "IVF_FLAT"}, {"type": "IVF_FLAT"}),
        ({"type": "IVF_FLAT", "nprobe": 64}, {"nlist": 32}, {"type": "IVF_FLAT", "nlist": 32}),
        ({"dims": 64, "whitening": 0}, {"projection": "none"}, {"projection": "none"}),
        ({"embedders": ["one", "two"], "fusion": "early"}, {"embedders": ["one"]}, {"embedders": ["one"]}),
        ({"representation": "hybrid", "type": "BIN_FLAT"}, {"representation": None}, {}),
    ],
    ids=repr,
)
def test_change_takes_back_what_cannot_go_with_it(
    said: dict[str, Any], change: dict[str, Any], left: dict[str, Any]
) -> None:
    assert merge_index(said, change) == left
    assert find_refusal(left) is None


@pytest.mark.parametrize(
    ("said", "change", "refused"),
    [
        ({"representation": "hybrid"}, {"type": "HNSW"}, "type"),
        ({"representation": "binary"}, {"ef": 64}, "ef"),
        ({"projection": "none"}, {"dims": 64}, "dims"),
        ({"embedders": ["one"]}, {"fusion": "early"}, "fusion"),
        ({}, {"preset": "compact", "ef": 64}, "ef"),
        ({"type": "IVF_FLAT", "nlist": 8}, {"nprobe": 9}, "nprobe"),
    ],
    ids=repr,
)
def test_change_cannot_say_what_does_not_go_with_something_weightier(
    said: dict[str, Any], change: dict[str, Any], refused: str
) -> None:
    assert find_refusal(merge_index(said, change)) == refused


def test_lists_looked_at_are_never_more_than_there_are() -> None:
    said = {"type": "IVF_FLAT", "nlist": 8}
    assert IndexSettings.parse(said).search == {"nprobe": 8}


def test_only_what_is_asked_at_search_changes_without_a_new_index() -> None:
    hybrid = {"preset": "compact", "embedders": ["one"], "type": "BIN_IVF_FLAT"}
    spec = IndexSettings.parse(hybrid).build_spec()
    at_once = {"oversample": 20, "hamming_radius": 60, "nprobe": 4}
    assert IndexSettings.parse({**hybrid, **at_once}).build_spec() == spec
    others = {"nlist": 64, "dims": 128, "binarizer": "sign", "embedders": ["two"], "projection": "none"}
    for name, value in others.items():
        assert IndexSettings.parse({**hybrid, name: value}).build_spec() != spec
    same = {"representation": "float", "type": "HNSW", "M": 16, "efConstruction": 200}
    assert IndexSettings.parse(same).build_spec() == IndexSettings.parse({"preset": "balanced"}).build_spec()


def test_ef_is_searched_with_and_not_built_with() -> None:
    for numbers in TYPE_NUMBERS.values():
        assert not numbers.build.keys() & numbers.search.keys()
    assert IndexSettings.parse({"ef": 64}).build_spec() == IndexSettings.parse({}).build_spec()
