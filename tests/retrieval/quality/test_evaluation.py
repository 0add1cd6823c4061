"""Ways of ranking, measured side by side on photos whose product is known."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from jobs.models import Job
from retrieval.decision import rank_products
from retrieval.index.store import VectorStore
from retrieval.quality.choices import PLAIN, Choice
from retrieval.quality.evaluating import (
    apply_evaluation,
    compare_evaluations,
    run_evaluation,
    start_evaluation,
)
from retrieval.quality.evaluation import ask_queries, evaluate, leave_one_out
from retrieval.quality.examiner import Examiner
from tenants.errors import Conflict, InvalidSettings, NotFound
from tenants.models import Evaluation, Exemplar, Gallery, Region
from tests.retrieval.quality.clusters import (
    ClusteredGallery,
    add_gallery_exemplar,
    clustered_gallery,
    draw_around,
    draw_centres,
)
from tests.retrieval.shelf import take_up


@pytest.fixture(autouse=True)
def untouched(made: ClusteredGallery) -> Iterator[None]:
    yield
    Exemplar.objects.all().delete()
    Evaluation.objects.all().delete()
    Gallery.objects.filter(pk=made.gallery.pk).update(settings=made.gallery.settings)


def run(made: ClusteredGallery, **said: Any) -> Evaluation:
    wanted = {"source": "leave_one_out", "policies": [[], ["aqe"]], "sample": 20, "trigger": "test", **said}
    job = take_up(start_evaluation(gallery=made.gallery, **wanted))
    run_evaluation(job)
    assert (job.done, job.total > 0) == (job.total, True)
    return Evaluation.objects.get(pk=job.result["evaluation"])


def add_query(made: ClusteredGallery, sku: str, vectors: Any) -> None:
    add_gallery_exemplar(made.gallery, vectors, role=Exemplar.Role.QUERY, sku=sku)


def test_figures_of_plain_ranking_are_those_worked_out_by_hand(made: ClusteredGallery) -> None:
    index, settings = made.open()
    questions = leave_one_out(index, sample=1000)
    found = evaluate(index, settings, questions=questions, choices=[PLAIN], threshold=0.5)
    (plain,) = found["policies"]
    owners = dict(Region.objects.values_list("pk", "image__product_id"))
    keys, vectors = index.load(owners)
    right, accepted, precisions = 0, 0, []
    for trial in questions.known:
        cosines = vectors @ trial.vectors[0]
        ranked = [int(keys[at]) for at in np.argsort(-cosines) if int(keys[at]) not in trial.own]
        relevant = [owners[key] == trial.product for key in ranked]
        right += relevant[0]
        accepted += relevant[0] and float(cosines[keys.tolist().index(ranked[0])]) >= 0.5
        places = np.flatnonzero(relevant) + 1
        precisions.append((np.arange(1, len(places) + 1) / places).mean())
    assert plain["recall_at_1"] == pytest.approx(right / len(questions.known), abs=1e-6)
    assert plain["mean_average_precision"] == pytest.approx(np.mean(precisions), abs=1e-4)
    assert plain["at_threshold"]["true_accepts"] == pytest.approx(accepted / len(questions.known), abs=1e-6)
    assert plain["median_ms"] > 0


def test_grouping_changes_products_and_leaves_images(made: ClusteredGallery) -> None:
    index, settings = made.open()
    choices = [PLAIN, Choice(grouping="vote")]
    found = evaluate(
        index, settings, questions=leave_one_out(index, sample=30), choices=choices, threshold=0.5
    )
    plain, vote = found["policies"]
    assert (plain["grouping"], vote["grouping"]) == ("max", "vote")
    assert plain["mean_average_precision"] == vote["mean_average_precision"]


def test_regions_of_a_query_answer_together(made: ClusteredGallery) -> None:
    """One region of the photo shows the product, the other one nothing."""
    product = draw_around(made.centres[3:4], 0.3, seed=5)
    add_query(made, "sku-0003", np.concatenate([draw_centres(1, seed=77), product]))
    index, settings = made.open()
    questions = ask_queries(index, sample=10)
    ranked = Examiner(index, shortlist=100, trials=questions.known).ask(questions.known[0], ())
    assert rank_products(ranked)[0].product.sku == "sku-0003"
    found = evaluate(index, settings, questions=questions, choices=[PLAIN], threshold=0.5)
    assert (found["queries"], found["policies"][0]["recall_at_1"]) == (1, 1.0)


def test_queries_of_no_product_are_the_strangers_where_there_are_some(made: ClusteredGallery) -> None:
    for place in range(4):
        add_query(made, f"sku-000{place}", draw_around(made.centres[place : place + 1], 0.3, seed=place))
    index, _ = made.open()
    questions = ask_queries(index, sample=10)
    assert (len(questions.known), questions.strangers) == (4, questions.known)
    add_query(made, "", draw_centres(1, seed=80))
    add_query(made, "gone", draw_centres(1, seed=81))
    questions = ask_queries(index, sample=10)
    assert (len(questions.known), len(questions.strangers)) == (4, 2)
    assert {trial.product for trial in questions.strangers} == {None}


def test_distractors_are_strangers_to_the_gallery(made: ClusteredGallery) -> None:
    add_gallery_exemplar(made.gallery, draw_centres(1, seed=90))
    index, _ = made.open()
    questions = leave_one_out(index, sample=20)
    assert (len(questions.known), len(questions.strangers)) == (20, 21)


def test_usual_policies_are_compared_when_none_are_named(made: ClusteredGallery) -> None:
    add_gallery_exemplar(made.gallery, draw_centres(1, seed=90))
    evaluation = run(made, policies=None)
    named = [policy["rerank"] for policy in evaluation.result["policies"]]
    assert named[:2] == [[], []]
    assert named[2:] == [
        ["aqe"],
        ["alpha_qe"],
        ["k_reciprocal"],
        ["soft_rank"],
        ["alpha_qe", "k_reciprocal"],
        ["k_reciprocal", "soft_rank"],
        ["distractors"],
    ]


def test_evaluation_is_kept_with_what_it_was_measured_on(made: ClusteredGallery) -> None:
    evaluation = run(made)
    assert (evaluation.source, evaluation.generation, evaluation.embedders) == ("leave_one_out", 1, ["made"])
    assert evaluation.settings["shortlist"] == 100
    best = evaluation.result["policies"][evaluation.result["recommended"]]
    assert evaluation.recommended == {"rerank": best["rerank"], "grouping": best["grouping"]}
    assert evaluation.result["threshold"] == 0.85


def test_evaluation_that_runs_twice_finds_the_same(made: ClusteredGallery) -> None:
    first, second = run(made), run(made)
    drop = {"median_ms"}
    strip = [
        [{name: value for name, value in policy.items() if name not in drop} for policy in each]
        for each in (first.result["policies"], second.result["policies"])
    ]
    assert strip[0] == strip[1]


def test_apply_sets_the_way_of_ranking_in_one_call(made: ClusteredGallery) -> None:
    evaluation = run(made, policies=[["alpha_qe", {"policy": "k_reciprocal", "k1": 10}]])
    gallery = apply_evaluation(evaluation=evaluation, policy=0)
    assert gallery.settings["rerank"] == ["alpha_qe", {"policy": "k_reciprocal", "k1": 10}]
    assert gallery.settings["grouping"] == "vote"
    assert gallery.settings["index"] == made.gallery.settings["index"]
    applied = apply_evaluation(evaluation=evaluation, policy=None).settings
    assert {name: applied[name] for name in ("rerank", "grouping")} == evaluation.recommended
    with pytest.raises(NotFound, match="policies 0 to 2"):
        apply_evaluation(evaluation=evaluation, policy=3)


def test_gallerys_own_way_is_always_evaluated(made: ClusteredGallery) -> None:
    changed = {**made.gallery.settings, "rerank": ["soft_rank"], "grouping": "vote"}
    Gallery.objects.filter(pk=made.gallery.pk).update(settings=changed)
    policies = run(made, policies=[["aqe"]]).result["policies"]
    assert [(policy["rerank"], policy["grouping"]) for policy in policies] == [
        (["aqe"], "vote"),
        ([], "max"),
        (["soft_rank"], "vote"),
    ]


def test_two_evaluations_are_compared_with_what_was_set_otherwise(made: ClusteredGallery) -> None:
    before = run(made)
    changed = {**made.gallery.settings, "shortlist": 1}
    Gallery.objects.filter(pk=made.gallery.pk).update(settings=changed)
    compared = compare_evaluations(run(made), before)
    assert compared["settings"] == {"shortlist": [100, 1]}
    assert compared["same_source"] is True
    assert [policy["differences"] is None for policy in compared["policies"]] == [False, False, False]
    assert compared["policies"][0]["differences"]["mean_average_precision"] < 0


def test_evaluation_that_cannot_be_made_is_refused_with_a_reason(
    store: VectorStore, made: ClusteredGallery
) -> None:
    with pytest.raises(Conflict) as refused:
        run(made, source="queries")
    assert refused.value.code == "no_labelled_queries"
    with pytest.raises(InvalidSettings, match="Unknown policy"):
        run(made, policies=[["best"]])
    with clustered_gallery(store, photos=[1, 1], name="single") as single:
        with pytest.raises(Conflict) as refused:
            run(single)
        assert refused.value.code == "too_few_photos"
        assert not Job.objects.exists()


def test_queries_of_no_known_product_alone_cannot_be_evaluated(made: ClusteredGallery) -> None:
    add_query(made, "", draw_centres(1, seed=80))
    with pytest.raises(Conflict) as refused:
        run(made, source="queries")
    assert refused.value.code == "too_few_photos"
