import itertools
from collections.abc import Mapping

import pytest

from demo.settling import FITTED_FROM, find_awaited, wait_for_job, wait_until_settled
from tests.vitrine.server import Server, make_json, open_client
from vitrine.answers import GalleryRow, ModelRow
from vitrine.errors import GaveUpWaiting, JobFailed

_PCA = {"index": {"projection": "pca"}}


def _gallery(indexed: int, *models: ModelRow, settings: Mapping[str, object] | None = None) -> GalleryRow:
    return GalleryRow("g", "Shop", "ready", settings or _PCA, models, indexed=indexed)


def _answer(indexed: int, fitted_on: int | None, *, pending: int = 0, job: str | None = None) -> object:
    projection = None if fitted_on is None else {"version": 1, "fitted_on": fitted_on}
    return {
        "id": "g",
        "name": "Shop",
        "state": "ready",
        "settings": _PCA,
        "index": {"models": [{"model": "e", "projection": projection, "binarizer": None}]},
        "images": {"pending": pending, "indexed": indexed, "failed": 0},
        "job": job,
    }


def _job(state: str, **more: object) -> dict[str, object]:
    return {"id": "j", "gallery": "g", "kind": "reindex", "state": state, **more}


def test_small_gallery_is_settled_without_a_projection() -> None:
    assert find_awaited(_gallery(FITTED_FROM - 1, ModelRow("e"))) is None


def test_gallery_with_some_hundred_photos_waits_for_its_projection() -> None:
    assert find_awaited(_gallery(FITTED_FROM, ModelRow("e"))) is not None
    assert find_awaited(_gallery(FITTED_FROM, ModelRow("e", projected_on=FITTED_FROM))) is None


def test_gallery_that_grew_by_half_waits_for_the_next_projection() -> None:
    fitted = ModelRow("e", projected_on=400)
    assert find_awaited(_gallery(599, fitted)) is None
    assert find_awaited(_gallery(600, fitted)) is not None


def test_projection_of_a_huge_gallery_is_not_waited_for_again() -> None:
    assert find_awaited(_gallery(90_000, ModelRow("e", projected_on=20_000))) is None


def test_every_model_of_an_ensemble_is_waited_for() -> None:
    models = ModelRow("a", projected_on=400), ModelRow("b")
    assert find_awaited(_gallery(400, *models)) is not None


def test_gallery_that_wants_no_projection_is_settled() -> None:
    settings = {"index": {"projection": "none"}}
    assert find_awaited(_gallery(900, ModelRow("e"), settings=settings)) is None


def test_model_that_emits_codes_itself_has_nothing_to_wait_for() -> None:
    assert find_awaited(_gallery(900, ModelRow("e", "binary", None, "sign", 0))) is None


def test_settling_waits_for_photos_then_jobs_then_the_projection(server: Server) -> None:
    server.script = iter([
        make_json(_answer(100, None, pending=300)),
        make_json(_answer(400, None, job="j")),
        make_json(_answer(400, None)),
        make_json({"results": [], "next": None}),
        make_json(_answer(400, 400)),
    ])  # fmt: skip
    said: list[str] = []
    with open_client(server) as client:
        assert wait_until_settled(client, "g", said.append).indexed == 400
    assert [line.split()[0] for line in said] == ["300", "job", "the"]


def test_projection_that_could_not_be_fitted_is_not_waited_for(server: Server) -> None:
    failed = _job("errored", code="internal", message="See the log.")
    server.script = iter([
        make_json(_answer(400, None)),
        make_json({"results": [failed], "next": None}),
    ])  # fmt: skip
    with open_client(server) as client, pytest.raises(JobFailed, match=r"errored\. See the log") as caught:
        wait_until_settled(client, "g", lambda _said: None)
    assert caught.value.code == "internal"


def test_settling_gives_up_when_nothing_moves(server: Server) -> None:
    server.script = itertools.repeat(make_json(_answer(100, None, pending=3)))
    with open_client(server) as client, pytest.raises(GaveUpWaiting, match="3 photos are still being"):
        wait_until_settled(client, "g", lambda _said: None, stall_s=0.05)


def test_job_is_waited_for_until_it_has_succeeded(server: Server) -> None:
    states = [
        _job("pending"),
        _job("running", counts={"done": 1, "total": 2}),
        _job("succeeded", result={"generation": 2}),
    ]
    server.script = iter([make_json(state) for state in states])
    said: list[str] = []
    with open_client(server) as client:
        assert wait_for_job(client, "j", said.append).result == {"generation": 2}
    assert said == ["reindex: pending", "reindex: 1 of 2"]


@pytest.mark.parametrize("state", ["failed", "errored", "cancelled"])
def test_job_that_ended_otherwise_is_an_error(server: Server, state: str) -> None:
    server.script = iter([make_json(_job(state))])
    with open_client(server) as client, pytest.raises(JobFailed) as caught:
        wait_for_job(client, "j", lambda _said: None)
    assert caught.value.code == state


def test_job_that_stands_still_is_given_up(server: Server) -> None:
    server.script = itertools.repeat(make_json(_job("running", counts={"done": 1, "total": 2})))
    with open_client(server) as client, pytest.raises(GaveUpWaiting, match="running, 1 of 2 done"):
        wait_for_job(client, "j", lambda _said: None, stall_s=0.05)
