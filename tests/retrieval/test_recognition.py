"""A query photo from its bytes to the answer, with the real models and the real index."""

from collections.abc import Iterator
from io import BytesIO
from typing import Any

import pytest
from PIL import Image

from jobs.turn import Turn
from retrieval.answers import describe_recognition, describe_search
from retrieval.index.reconciling import reconcile_index
from retrieval.index.store import IndexMissing, VectorStore
from retrieval.photos.indexing import index_pending
from retrieval.recognition import Recognition, RecognitionOptions, recognize, search_similar
from tenants.domain.products import create_product
from tenants.errors import Conflict, NotFound
from tenants.models import Gallery, Product, ReferenceImage, VectorIndex
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo
from tests.retrieval.moments import act_before, once
from tests.retrieval.shelf import Shelf, add_photos, drop_collections_of, list_region_ids, open_shelf
from tests.retrieval.stock import change_index, rebuild, stocked_shelf

SEEDS = (1, 2, 3)
STRANGER = 900


def open_pictured(shelf: Shelf) -> Shelf:
    """Three products of one photo each, beside the shelf's own, which has none."""
    for seed in SEEDS:
        product = create_product(gallery=shelf.gallery, sku=f"packet-{seed}", category="packets")
        add_photos(Shelf(shelf.tenant, shelf.gallery, product), seed)
    index_pending(Turn(60, 60))
    shelf.gallery.refresh_from_db()
    return shelf


@pytest.fixture(scope="module")
def floats(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, 0, preset="exact") as shelf:
        yield open_pictured(shelf)


@pytest.fixture(scope="module")
def codes(rows: None, store: VectorStore) -> Iterator[Shelf]:
    with stocked_shelf(store, 0, name="globex", representation="binary") as shelf:
        yield open_pictured(shelf)


@pytest.fixture
def acme(floats: Shelf) -> Iterator[Shelf]:
    with tenant_scope(floats.tenant.id):
        yield floats


@pytest.fixture
def globex(codes: Shelf) -> Iterator[Shelf]:
    with tenant_scope(codes.tenant.id):
        yield codes


def ask(shelf: Shelf, seed: int = 1, **options: Any) -> Recognition:
    return recognize(
        gallery_id=shelf.gallery.pk, data=draw_photo(seed), options=RecognitionOptions(**options)
    )


def search(shelf: Shelf, seed: int = 1, **options: Any) -> list[str]:
    _, matches = search_similar(
        gallery_id=shelf.gallery.pk, data=draw_photo(seed), options=RecognitionOptions(**options)
    )
    return [ranked.match.product.sku for ranked in matches]


def blank_photo() -> bytes:
    buffer = BytesIO()
    Image.new("RGB", (64, 64), "white").save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("seed", SEEDS)
def test_reference_photo_is_named(acme: Shelf, seed: int) -> None:
    found = ask(acme, seed, score_threshold=0.9)
    assert (found.answer.outcome, found.answer.reason) == ("product", None)
    assert found.answer.best is not None
    assert found.answer.best.product.sku == f"packet-{seed}"
    assert found.answer.best.score > 0.95
    assert (found.photo.generation, list(found.photo.embedders)) == (1, ["efficientnet_lite2"])
    assert list(found.photo.timings.stages) == ["decode", "detect", "embed", "search", "rank", "decide"]


def test_threshold_is_the_requests_else_the_usual_one(acme: Shelf) -> None:
    assert ask(acme).threshold == 0.85
    assert ask(acme, score_threshold=0.5).threshold == 0.5


@pytest.mark.parametrize(
    ("options", "reason"),
    [({"score_threshold": 1.0}, "below_threshold"), ({"margin": 2.0, "score_threshold": -1.0}, "ambiguous")],
    ids=["threshold", "margin"],
)
def test_unknown_carries_the_reason_and_the_best_rejected_candidate(
    acme: Shelf, options: dict[str, Any], reason: str
) -> None:
    found = ask(acme, STRANGER, **options)
    for verdict in (found.answer, *(region.verdict for region in found.regions)):
        assert (verdict.outcome, verdict.reason) == ("unknown", reason)
        assert verdict.best is not None
        assert verdict.best.product.sku.startswith("packet-")


def test_products_own_threshold_takes_the_gallerys_place(acme: Shelf) -> None:
    own = Product.objects.filter(gallery=acme.gallery, sku="packet-1")
    own.update(score_threshold=0.999)
    tilted: dict[str, Any] = {"gallery_id": acme.gallery.pk, "data": draw_photo(1, tilt=25)}
    strict = recognize(**tilted, options=RecognitionOptions(score_threshold=0.1))
    own.update(score_threshold=None)
    lax = recognize(**tilted, options=RecognitionOptions(score_threshold=0.1))
    assert lax.answer.best is not None
    assert strict.answer.best is not None
    assert lax.answer.best.score == strict.answer.best.score
    assert (strict.answer.reason, lax.answer.outcome) == ("below_threshold", "product")


def test_photo_in_which_nothing_is_found_says_so(acme: Shelf) -> None:
    found = recognize(
        gallery_id=acme.gallery.pk,
        data=blank_photo(),
        options=RecognitionOptions(fallback=False, explain=True),
    )
    assert (found.answer.outcome, found.answer.reason, found.answer.candidates) == (
        "unknown",
        "no_region",
        (),
    )
    assert (found.regions, found.category) == ([], None)
    described = describe_recognition(found, explain=True)
    assert (described["answer"]["reason"], described["explain"]) == ("no_region", [])


def test_gallery_without_photos_says_so(acme: Shelf) -> None:
    ReferenceImage.objects.filter(gallery=acme.gallery).update(state="pending")
    found = ask(acme)
    ReferenceImage.objects.filter(gallery=acme.gallery).update(state="indexed")
    assert (found.answer.outcome, found.answer.reason, found.answer.best) == (
        "unknown",
        "empty_gallery",
        None,
    )
    assert len(found.regions) == len(found.photo.regions)


def test_category_is_voted_by_the_neighbours(acme: Shelf) -> None:
    category = ask(acme).category
    assert category is not None
    assert category.category == "packets"
    assert category.share == pytest.approx(1.0)
    assert ask(acme, category_votes=0).category is None


def test_explanation_tells_the_order_before_and_after_and_the_terms(acme: Shelf) -> None:
    options: dict[str, Any] = {"explain": True, "rerank": ["k_reciprocal", "soft_rank"]}
    described = describe_recognition(ask(acme, **options), explain=True)
    for region in described["explain"]:
        before = [match["region_id"] for match in region["before"]]
        after = [match["region_id"] for match in region["after"]]
        assert sorted(before) == sorted(after)
        assert len(before) == len(SEEDS)
        assert [before[match["before"]] for match in region["after"]] == after
        assert {frozenset(match["terms"]) for match in region["after"]} == {
            frozenset({"k_reciprocal", "soft_rank"})
        }
    assert "explain" not in describe_recognition(ask(acme), explain=False)


@pytest.mark.parametrize(
    "rerank", [[], ["aqe"], ["alpha_qe", "k_reciprocal"], ["soft_rank", "distractors"]], ids=str
)
def test_every_policy_can_be_asked_for_by_a_request(acme: Shelf, globex: Shelf, rerank: list[Any]) -> None:
    for shelf in (acme, globex):
        with tenant_scope(shelf.tenant.id):
            found = ask(shelf, 2, rerank=rerank, score_threshold=0.2)
            assert found.answer.best is not None
            assert found.answer.best.product.sku == "packet-2"
            assert search(shelf, 2, rerank=rerank)[0] == "packet-2"


def test_search_answers_each_photo_once_nearest_first(acme: Shelf) -> None:
    photo, matches = search_similar(
        gallery_id=acme.gallery.pk, data=draw_photo(3), options=RecognitionOptions(top_k=2)
    )
    assert len(matches) == 2
    assert matches[0].match.product.sku == "packet-3"
    assert len({ranked.match.image_id for ranked in matches}) == 2
    described = describe_search(photo, matches, explain=False)
    assert [match["score"] for match in described["matches"]] == sorted(
        (match["score"] for match in described["matches"]), reverse=True
    )


def test_nothing_within_the_radius_is_unknown_with_the_nearest_beyond_it(globex: Shelf) -> None:
    found = ask(globex, STRANGER, hamming_radius=0, score_threshold=-1.0)
    assert all(found.photo.beyond)
    for verdict in (found.answer, *(region.verdict for region in found.regions)):
        assert (verdict.outcome, verdict.reason) == ("unknown", "below_threshold")
        assert verdict.best is not None
    distances = [ranked.match.distance for ranked in found.photo.together]
    assert min(distance for distance in distances if distance is not None) > 0
    assert search(globex, STRANGER, hamming_radius=0) == [], "a range search tells what is within"


def test_radius_that_holds_the_photo_names_it(globex: Shelf) -> None:
    wide = globex.index.width
    found = ask(globex, 1, hamming_radius=wide, score_threshold=-1.0)
    assert not any(found.photo.beyond)
    assert found.answer.outcome == "product"
    assert search(globex, 1, hamming_radius=wide)[0] == "packet-1"


def draw_pair(left: int, right: int) -> bytes:
    """Two packets side by side: two bodies, and the whole."""
    scene = Image.new("RGB", (840, 320), (225, 222, 215))
    for place, seed in ((0, left), (520, right)):
        scene.paste(Image.open(BytesIO(draw_photo(seed))), (place, 0))
    buffer = BytesIO()
    scene.save(buffer, "PNG")
    return buffer.getvalue()


def test_region_beyond_the_radius_does_not_speak_for_the_photo_while_another_is_within(
    globex: Shelf,
) -> None:
    """A packet that is known, and a stranger; the radius lies between them."""
    pair: dict[str, Any] = {"gallery_id": globex.gallery.pk, "data": draw_pair(1, STRANGER)}
    free = recognize(**pair, options=RecognitionOptions(score_threshold=-1.0))
    nearest = sorted(
        min(ranked.match.distance for ranked in row if ranked.match.distance is not None)
        for row in free.photo.matches
    )
    assert nearest[0] < nearest[1]

    found = recognize(**pair, options=RecognitionOptions(score_threshold=-1.0, hamming_radius=nearest[0]))

    assert sorted(found.photo.beyond) == [False, True, True]
    assert found.answer.outcome == "product"
    assert {ranked.match.distance for ranked in found.photo.together} == {nearest[0]}
    assert all(row for row in found.photo.matches), "each region has its best rejected candidate"
    outcomes = {verdict.verdict.outcome: verdict.verdict.reason for verdict in found.regions}
    assert outcomes == {"product": None, "unknown": "below_threshold"}


def test_settings_ahead_of_the_index_break_no_answer(acme: Shelf) -> None:
    """They ask for codes within a radius, and the index of floats is still the one that is searched."""
    kept = acme.gallery.settings
    change_index(acme, representation="binary", hamming_radius=2)
    found = ask(acme, 1)
    Gallery.objects.filter(pk=acme.gallery.pk).update(settings=kept)
    acme.gallery.refresh_from_db()
    assert (found.answer.outcome, found.threshold) == ("product", 0.85)


def test_globex_is_never_answered_with_acmes_products(acme: Shelf, globex: Shelf) -> None:
    with tenant_scope(globex.tenant.id):
        with pytest.raises(NotFound):
            ask(acme)
        found = ask(globex, score_threshold=-1.0)
        keys = {ranked.match.region_key for ranked in found.photo.together}
        assert keys <= list_region_ids(globex)
    with tenant_scope(acme.tenant.id):
        assert not keys & list_region_ids(acme)


@pytest.mark.parametrize("state", ["provisioning", "failed"])
def test_gallery_that_is_not_ready_is_a_conflict(rows: None, state: str) -> None:
    shelf = open_shelf("acme", state)
    with tenant_scope(shelf.tenant.id), pytest.raises(Conflict) as refused:
        ask(shelf)
    assert refused.value.code == "gallery_not_ready"


def test_index_swapped_during_a_query_is_answered_from_the_old_one(
    acme: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    act_before(monkeypatch, VectorStore, "search", once(lambda: rebuild(acme)))
    found = ask(acme)
    assert (found.answer.outcome, found.photo.generation) == ("product", 1)
    assert ask(acme).photo.generation == 2
    assert not reconcile_index(acme.index)


def test_lost_collection_answers_unavailable_and_asks_for_a_check(acme: Shelf, store: VectorStore) -> None:
    VectorIndex.objects.filter(pk=acme.index.pk).update(checked_at="2026-01-01T00:00Z")
    drop_collections_of(acme, store)
    for call in (ask, search):
        with pytest.raises(IndexMissing) as away:
            call(acme)
        assert (away.value.code, away.value.retry_after > 0) == ("index_away", True)
    assert acme.index.checked_at is None
    rebuild(acme, reuse=True)
    assert ask(acme).answer.outcome == "product"
