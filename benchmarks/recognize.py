"""What `recognize` costs beyond its parts, on a gallery of 10,000 vectors.

End to end (HTTP, broker, worker, database, index) against the sum of the bare model calls, the projection and
the bare search, measured in turns in the same run on the same photos, on the same index; then throughput at
concurrency 1, 2, 4, 8. Run by `make bench`.
"""

import argparse
import os
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http import HTTPStatus
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
# As in the workers: threads that spin after the bare part would slow the request that follows it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
django.setup()

import numpy as np  # noqa: E402 - Django first
import numpy.typing as npt  # noqa: E402
from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from benchmarks.figures import spread_of, write_figures  # noqa: E402
from demo.photos import write_photos  # noqa: E402
from demo.service import find_url, open_client, wait_until_ready  # noqa: E402
from demo.settling import wait_for_job  # noqa: E402
from inference.analysis import Analyser  # noqa: E402
from inference.images import Picture, decode_picture  # noqa: E402
from retrieval.analysers import embedder_dim, get_analyser  # noqa: E402
from retrieval.index.gallery_index import GalleryIndex, open_index  # noqa: E402
from retrieval.index.generations import wanted_settings  # noqa: E402
from retrieval.index.rows import list_embedders, list_searched, space_of  # noqa: E402
from retrieval.index.store import connect_store  # noqa: E402
from tenants.domain.bootstrap import ensure_demo_tenant  # noqa: E402
from tenants.models import Embedding, Gallery, Product, ReferenceImage, Region  # noqa: E402
from tenants.postgresql.roles import connected_as_owner  # noqa: E402
from tenants.scope import tenant_scope  # noqa: E402
from vitrine.client import VitrineClient  # noqa: E402
from vitrine.photos import Photo  # noqa: E402

NAME = "benchmark of recognize"
VECTORS = 10_000
# What `recognize` ranks and answers where nobody says otherwise.
SHORTLIST, CANDIDATES = 100, 5
_CHUNK = 1_000
_BOUNDARY = "vitrine-benchmark"


def main() -> None:
    """Fill the gallery once, measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=60)
    repeats: int = parser.parse_args().repeats
    photos = sorted(write_photos(Path(settings.VAR_DIR) / "demo").queries.rglob("*.jpg"))[:20]
    wait_until_ready(find_url(), tell=print)
    with open_client() as client, tenant_scope(ensure_demo_tenant().tenant.id):
        gallery = Gallery.objects.get(pk=client.ensure_gallery(NAME).id)
        if fill_gallery(gallery):
            wait_for_job(client, client.reindex(str(gallery.pk)).id, tell=print)
        index = open_gallery_index(gallery)
        measure_overhead(index, photos, repeats)
        measure_throughput(client, gallery, photos, repeats)


def fill_gallery(gallery: Gallery) -> bool:
    """10,000 made-up regions in PostgreSQL, as indexing would have left them; whether any were missing."""
    missing = VECTORS - Region.objects.filter(image__gallery=gallery).count()
    if missing <= 0:
        return False
    (embedder,) = list_embedders(list_searched(gallery))
    dim = embedder_dim(embedder)
    random = np.random.default_rng(7)
    for start in range(0, missing, _CHUNK):
        _add_regions(gallery, embedder, random.standard_normal((min(_CHUNK, missing - start), dim)))
    with connected_as_owner(), connection.cursor() as cursor:
        cursor.execute("ANALYZE")  # as PostgreSQL does by itself within a minute
    print(f"filled the gallery with {missing} vectors of {dim}")
    return True


def open_gallery_index(gallery: Gallery) -> GalleryIndex:
    """The live index, whole: what was just written is searched slowly until Milvus has indexed it."""
    gallery.refresh_from_db()
    for row in list_searched(gallery):
        connect_store().seal(space_of(row))
    index = open_index(gallery, wanted_settings(gallery))
    if index is None:
        raise SystemExit("the gallery has no index; see var/log")
    print(f"index generation {index.generation}, {index.width} dimensions, {index.settings.type}")
    return index


def _add_regions(gallery: Gallery, embedder: str, raw: npt.NDArray[np.float64]) -> None:
    vectors = (raw / np.linalg.norm(raw, axis=1, keepdims=True)).astype(np.float32)
    product = Product.objects.create(
        tenant_id=gallery.tenant_id, gallery=gallery, sku=f"bulk-{time.time_ns()}"
    )
    images = ReferenceImage.objects.bulk_create(
        ReferenceImage(
            tenant_id=gallery.tenant_id,
            gallery=gallery,
            product=product,
            filename="made up",
            file="",
            content_type="",
            size=0,
            sha256=f"{product.pk.hex}{number:08}",
            state=ReferenceImage.State.INDEXED,
        )
        for number in range(len(vectors))
    )
    regions = Region.objects.bulk_create(
        Region(tenant_id=gallery.tenant_id, image=image, x1=0, y1=0, x2=1, y2=1, score=1, source="whole")
        for image in images
    )
    Embedding.objects.bulk_create(
        Embedding(tenant_id=gallery.tenant_id, region=region, model=embedder, vector=Embedding.pack(vector))
        for region, vector in zip(regions, vectors, strict=True)
    )


class BareCaller:
    """Sends photos with as little of a client as there can be: what is measured is the service."""

    def __init__(self, gallery: Gallery) -> None:
        address = urlsplit(find_url())
        self._connection = HTTPConnection(address.hostname or "", address.port, timeout=60)
        self._path = f"/v1/galleries/{gallery.pk}/recognize"
        key = ensure_demo_tenant().key
        self._headers = {
            "Authorization": f"Bearer {key}",
            "Content-Type": f"multipart/form-data; boundary={_BOUNDARY}",
        }

    def recognize(self, photo: bytes) -> None:
        """One request, its answer read whole."""
        head = f'--{_BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
        body = head.encode() + photo + f"\r\n--{_BOUNDARY}--\r\n".encode()
        self._connection.request("POST", self._path, body, self._headers)
        answer = self._connection.getresponse()
        if answer.status != HTTPStatus.OK:
            raise SystemExit(f"recognize answered {answer.status}: {answer.read()!r}")
        answer.read()


def measure_overhead(index: GalleryIndex, photos: list[Path], repeats: int) -> None:
    """End to end and bare, in turns, so that both see the same machine."""
    data = [photo.read_bytes() for photo in photos]
    decoded = [decode_picture(photo) for photo in data]
    caller = BareCaller(index.gallery)
    analyser = get_analyser(index.embedders)
    whole: list[float] = []
    bare: list[float] = []
    for turn in range(repeats + 5):
        which = turn % len(data)
        end_to_end = time_ms(partial(caller.recognize, data[which]))
        parts = time_ms(partial(_run_bare, analyser, index, decoded[which]))
        if turn >= 5:  # the first ones warm up
            whole.append(end_to_end)
            bare.append(parts)
    whole_spread, bare_spread = spread_of(whole), spread_of(bare)
    ratio = whole_spread.p50 / bare_spread.p50
    print(f"recognize, end to end  p50 {whole_spread.p50:7.1f} ms   p95 {whole_spread.p95:7.1f} ms")
    print(f"bare models + search   p50 {bare_spread.p50:7.1f} ms   p95 {bare_spread.p95:7.1f} ms")
    print(f"ratio of medians       {ratio:.3f}   (wanted: at most 1.25)")
    write_figures(
        "recognize", {"end_to_end": whole_spread, "bare": bare_spread, "ratio_p50": round(ratio, 3)}
    )


def _run_bare(analyser: Analyser, index: GalleryIndex, picture: Picture) -> None:
    """The models, the projection and the search, called with nothing around them."""
    analysis = analyser.analyse([picture])[0]
    raw = {name: np.stack([region.vectors[name] for region in analysis.regions]) for name in index.embedders}
    index.search(index.compare(raw), limit=SHORTLIST, wanted=CANDIDATES)


def measure_throughput(client: VitrineClient, gallery: Gallery, photos: list[Path], repeats: int) -> None:
    """Answers a second at some concurrencies."""
    uploads = [Photo.from_path(photo) for photo in photos]
    figures = {}
    for callers in (1, 2, 4, 8):
        with ThreadPoolExecutor(callers) as pool:
            started = time.perf_counter()
            calls = [
                pool.submit(client.recognize, str(gallery.pk), uploads[turn % len(uploads)])
                for turn in range(repeats)
            ]
            for call in calls:
                call.result()
            rate = repeats / (time.perf_counter() - started)
        figures[f"concurrency_{callers}"] = round(rate, 2)
        print(f"throughput at concurrency {callers}: {rate:6.2f} answers a second")
    write_figures("recognize_throughput", figures)


def time_ms(work: Callable[[], object]) -> float:
    """Milliseconds of wall time that the work takes."""
    started = time.perf_counter()
    work()
    return (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
