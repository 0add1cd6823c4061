"""Images a second through upload to `indexed`, against a bare loop over the same photos.

The bare loop decodes, detects and embeds one photo after another on the same cores, with the same models;
upload, storage, database and index are what the service adds. Both run in this one command, bare loop before
and after, so that a drifting machine shows. Run by `make bench`.
"""

import argparse
import os
import time
import uuid
from pathlib import Path

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402 - Django first

from benchmarks.figures import write_figures  # noqa: E402
from demo.photos import write_photos  # noqa: E402
from demo.service import find_url, open_client, wait_until_ready  # noqa: E402
from inference.images import decode_picture  # noqa: E402
from retrieval.analysers import default_embedder, get_analyser  # noqa: E402
from vitrine.client import VitrineClient  # noqa: E402
from vitrine.photos import Photo  # noqa: E402


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=218)
    wanted: int = parser.parse_args().photos
    found = sorted(write_photos(Path(settings.VAR_DIR) / "demo").folder.rglob("*.jpg"))
    uploads = [Photo.from_path(path) for path in found[:wanted]]
    wait_until_ready(find_url(), tell=print)
    with open_client() as client:
        before = measure_bare(uploads)
        service = measure_service(client, uploads)
        after = measure_bare(uploads)
    report_ratio("bulk", "upload to indexed", len(uploads), (before, service, after), wanted=0.85)


def report_ratio(
    name: str, what: str, photos: int, rates: tuple[float, float, float], *, wanted: float
) -> None:
    """Print and write the service's rate against the bare loop's; rates: bare before, service, bare after."""
    before, service, after = rates
    bare = 2 / (1 / before + 1 / after)
    ratio = service / bare
    print(
        f"bare decode + detect + embed  {bare:6.2f} images a second ({before:.2f} before, {after:.2f} after)"
    )
    print(f"{what:29} {service:6.2f} images a second")
    print(f"ratio                         {ratio:.3f}   (wanted: at least {wanted:g})")
    figures = {"photos": photos, "bare_before": before, "bare_after": after, "service": service}
    write_figures(name, {**figures, "ratio": round(ratio, 3)})


def measure_bare(uploads: list[Photo]) -> float:
    """Photos a second with nothing around the models."""
    analyser = get_analyser([default_embedder()])
    analyser.analyse([decode_picture(uploads[0].data)])
    started = time.perf_counter()
    for upload in uploads:
        analyser.analyse([decode_picture(upload.data)])
    return len(uploads) / (time.perf_counter() - started)


def measure_service(client: VitrineClient, uploads: list[Photo]) -> float:
    """Photos a second from the first byte sent to the last photo `indexed`."""
    gallery = client.ensure_gallery(f"benchmark of bulk {uuid.uuid4().hex}").id
    product = client.create_product(gallery, sku="all", title="All photos").id
    try:
        started = time.perf_counter()
        client.upload_images(gallery, product, uploads)
        client.wait_until_indexed(gallery)
        rate = len(uploads) / (time.perf_counter() - started)
        indexed = sum(1 for _ in client.list_images(gallery, state="indexed"))
        if indexed != len({upload.data for upload in uploads}):
            raise SystemExit(f"only {indexed} of {len(uploads)} photos were indexed; see var/log")
        return rate
    finally:
        client.delete_gallery(gallery)


if __name__ == "__main__":
    main()
