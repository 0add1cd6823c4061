"""Photos that hang or crash their decoder, on each way on which the product decodes one."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings as django_settings
from pytest_django import Settings

import retrieval.pictures
from inference.decoders import DecoderPool
from inference.errors import ImageRejected
from jobs.errors import Unavailable
from jobs.turn import Turn
from retrieval.index.embedding import embed_unseen
from retrieval.photos.indexing import index_pending
from retrieval.pictures import decode_photo, open_decoders
from retrieval.quality.exemplars import prepare_exemplars, start_preparation
from retrieval.recognition import RecognitionOptions, recognize
from tenants.domain.exemplars import add_distractor
from tenants.models import Exemplar
from tenants.scope import tenant_scope
from tests.api.photos import draw_photo
from tests.inference.decoders.pools import draw_act, open_pool
from tests.retrieval.shelf import Shelf, add_bytes, cleared, list_states, take_up

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 1.5
CASES = [("crash", "it makes decoders crash: SIGSEGV"), ("hang", "decoding took longer than 1.5 seconds")]


@pytest.fixture(scope="module")
def hostile() -> Iterator[DecoderPool]:
    """The product's decoders are hostile ones."""
    with open_pool(processes=2, seconds=SECONDS) as opened, pytest.MonkeyPatch.context() as patch:
        patch.setattr(retrieval.pictures, "open_decoders", lambda _pid: opened)
        yield opened


@pytest.fixture
def acme(shelf: Shelf, hostile: DecoderPool) -> Iterator[Shelf]:
    with cleared(shelf), tenant_scope(shelf.tenant.id):
        yield shelf


@pytest.mark.parametrize(("act", "words"), CASES)
def test_query_photo_that_ends_its_decoder_is_rejected_and_the_next_is_answered(
    acme: Shelf, act: str, words: str
) -> None:
    with pytest.raises(ImageRejected, match=words) as rejected:
        recognize(gallery_id=acme.gallery.pk, data=draw_act(act), options=RecognitionOptions())
    assert rejected.value.code == "image_unreadable"
    found = recognize(gallery_id=acme.gallery.pk, data=draw_photo(1), options=RecognitionOptions())
    assert found.answer.outcome == "unknown"


def test_reference_photos_that_end_their_decoder_fail_with_the_reason_and_others_are_indexed(
    acme: Shelf,
) -> None:
    images = [add_bytes(acme, data) for data in (draw_act("crash"), draw_photo(1), draw_act("hang"))]
    index_pending(Turn(60, 60))
    assert list_states(images) == ["failed", "indexed", "failed"]
    for image, (_, words) in zip(images[::2], CASES, strict=True):
        image.refresh_from_db()
        assert image.failure_code == "image_unreadable"
        assert words in image.failure_message


def test_exemplar_that_crashes_its_decoder_fails_with_the_reason(acme: Shelf) -> None:
    added = [
        add_distractor(tenant_id=acme.tenant.id, filename="a", image_format="png", data=data).exemplar
        for data in (draw_act("crash"), draw_photo(2))
    ]
    job = start_preparation(tenant_id=acme.tenant.id, exemplars=added, trigger="test")
    prepare_exemplars(take_up(job))
    rows = [Exemplar.objects.get(pk=exemplar.pk) for exemplar in added]
    assert [row.state for row in rows] == ["failed", "indexed"]
    assert "SIGSEGV" in rows[0].failure_message
    Exemplar.objects.filter(pk__in=[row.pk for row in rows]).delete()


def test_stored_photo_that_crashes_its_decoder_now_is_left_out_of_embedding_again(
    acme: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    image = add_bytes(acme, draw_photo(3))
    index_pending(Turn(60, 60))
    (django_settings.MEDIA_ROOT / image.file).write_bytes(draw_act("crash"))
    embed_unseen([image], ["efficientnet_lite0"])
    assert "cannot be embedded again" in caplog.text


def test_decoders_that_cannot_be_had_are_no_fault_of_the_photo(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_pool(module="tests.none") as broken:
        monkeypatch.setattr(retrieval.pictures, "open_decoders", lambda _pid: broken)
        with pytest.raises(Unavailable) as away:
            decode_photo(draw_photo(1))
    assert (away.value.code, away.value.retry_after) == ("decoders_away", 2)


def test_decoders_are_as_the_settings_say(settings: Settings) -> None:
    settings.DECODE_PROCESSES, settings.DECODE_TIMEOUT_S, settings.DECODE_MEMORY_MIB = 3, 9, 700
    options = open_decoders.__wrapped__(os.getpid()).options
    assert (options.processes, options.seconds, options.memory_mib) == (3, 9, 700)
    assert options.module == "inference.decoders.child"


def test_product_decodes_photos_by_its_decoders_only() -> None:
    """Whatever serves strangers imports `decode_photo`, never what would decode in its own process."""
    sources = [
        path
        for room in ("platform", "tenants", "workers", "frontend")
        for path in ROOT.joinpath(room).rglob("*.py")
    ]
    here = {"decode_picture", "decode_image"}
    guilty = [
        path
        for path in sources
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and here & {name.name for name in node.names}
    ]
    assert len(sources) > 100
    assert guilty == []
