import pytest

from retrieval.quality.choices import PLAIN, Choice, complete_choices, list_usual, parse_choices
from retrieval.settings.gallery import GallerySettings
from tenants.errors import InvalidSettings


def test_choice_reads_a_list_and_an_object_and_writes_what_it_read() -> None:
    assert Choice.parse({"grouping": "max"}) == PLAIN
    named = Choice.parse(["alpha_qe", {"policy": "k_reciprocal", "k1": 30}])
    assert named.as_dict() == {
        "rerank": ["alpha_qe", {"policy": "k_reciprocal", "k1": 30}],
        "grouping": "vote",
    }
    assert Choice.parse(named.as_dict()) == named
    assert Choice.parse([]) == Choice(grouping="vote")


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("aqe", "rerank: Expected a list"),
        (["best"], "rerank: Unknown policy"),
        ({"steps": []}, "no 'steps'"),
        ({"grouping": "mean"}, "grouping must be one of max, vote"),
        ({"grouping": ["max"]}, "grouping must be one of max, vote"),
        (None, "rerank: Expected a list"),
    ],
)
def test_choice_refuses_what_cannot_work_and_says_why(said: object, told: str) -> None:
    with pytest.raises(InvalidSettings, match=told):
        Choice.parse(said)


def test_choices_are_each_compared_once_and_not_too_many() -> None:
    assert parse_choices([[], ["aqe"], [], {"rerank": ["aqe"]}]) == [Choice(), Choice.parse(["aqe"])]
    with pytest.raises(InvalidSettings, match="At most 20"):
        parse_choices([[]] * 21)


def test_plain_and_the_gallerys_own_are_always_among_the_choices() -> None:
    own = GallerySettings.parse({"rerank": ["soft_rank"], "grouping": "vote"})
    asked = [Choice.parse(["aqe"])]
    assert complete_choices(asked, own) == [*asked, PLAIN, Choice(own.rerank, "vote")]
    assert complete_choices([PLAIN], GallerySettings.parse({})) == [PLAIN, Choice()]


def test_usual_choices_have_distractors_only_where_there_are_some() -> None:
    without, with_them = list_usual(with_distractors=False), list_usual(with_distractors=True)
    assert with_them[:-1] == without
    assert with_them[-1] == Choice.parse(["distractors"])
    assert without[0] == PLAIN
    assert len(set(without)) == len(without) == 8
