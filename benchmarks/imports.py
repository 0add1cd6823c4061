"""Photos a second through an import, against a bare loop; or the bulk worker's memory over a long import.

The bare loop decodes, detects and embeds one photo after another on the same cores, with the same models.
The import is a ZIP through the API: upload, listing, products, hashes, near duplicates, database, index. Bare
loop before and after, so that a drifting machine shows. With `--images 20000` so many small pictures are
imported into a gallery without detection, and the bulk worker's resident memory is sampled.
"""

import argparse
import os
import time
from pathlib import Path

import django
import psutil

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from django.conf import settings  # noqa: E402 - Django first

from benchmarks.bulk import measure_bare, report_ratio  # noqa: E402
from benchmarks.figures import write_figures  # noqa: E402
from benchmarks.importing import (  # noqa: E402
    bench_gallery,
    copy_photos,
    draw_noise,
    pack_photos,
    read_demo_photos,
    start_import,
)
from demo.service import find_url, open_client, wait_until_ready  # noqa: E402
from vitrine.client import VitrineClient  # noqa: E402
from vitrine.jobs import check_job  # noqa: E402
from vitrine.photos import Photo  # noqa: E402

_CHEAP_EMBEDDER = "efficientnet_lite0"
_SAMPLE_S = 2.0


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=218, help="of the demo's, for the throughput")
    parser.add_argument("--copies", type=int, default=2, help="of each in other products: a longer import")
    parser.add_argument("--images", type=int, default=0, help="small ones, for the memory instead")
    asked = parser.parse_args()
    wait_until_ready(find_url(), tell=print)
    with open_client() as client:
        if asked.images:
            measure_memory(client, asked.images)
        else:
            photos = read_demo_photos(Path(settings.VAR_DIR))[: asked.photos]
            measure_throughput(client, copy_photos(photos, asked.copies))


def measure_throughput(client: VitrineClient, photos: list[bytes]) -> None:
    """Import and bare loop over the same photos."""
    uploads = [Photo(f"{number}.jpg", photo) for number, photo in enumerate(photos)]
    before = measure_bare(uploads)
    service = measure_import(client, photos)
    after = measure_bare(uploads)
    report_ratio("imports", "import of a ZIP", len(photos), (before, service, after), wanted=0.9)


def measure_import(client: VitrineClient, photos: list[bytes]) -> float:
    """Photos a second from the first byte sent to the end of the job."""
    archive = pack_photos(dict.fromkeys(photos), a_product=4)
    with bench_gallery(client) as gallery:
        started = time.perf_counter()
        # The look-ups are made; only what looks the very same is kept from the models.
        job = start_import(client, gallery, archive, near_duplicates=0)
        ended = check_job(client.jobs.wait(job))
        rate = ended.done / (time.perf_counter() - started)
    if ended.failed or ended.skipped:
        print(f"of {ended.total} photos {ended.skipped} were skipped and {ended.failed} failed")
    return rate


def measure_memory(client: VitrineClient, count: int) -> None:
    """Resident memory of the bulk worker while so many images come in."""
    worker = find_bulk_worker()
    archive = pack_photos(draw_noise(count), a_product=10)
    samples: list[tuple[int, float]] = []
    index = {"embedders": [_CHEAP_EMBEDDER], "projection": "none"}
    with bench_gallery(client, detect=False, index=index) as gallery:
        started = time.perf_counter()
        job = start_import(client, gallery, archive, near_duplicates="usual")
        while not (now := client.jobs.read(job)).ended:
            samples.append((now.done, read_resident_mb(worker)))
            if len(samples) % 30 == 0:
                print(f"{now.done:7} of {now.total}: {samples[-1][1]:7.1f} MB", flush=True)
            time.sleep(_SAMPLE_S)
        rate = now.done / (time.perf_counter() - started)
    check_job(now)
    tell_memory(samples, count, rate)


def tell_memory(samples: list[tuple[int, float]], count: int, rate: float) -> None:
    """The largest of each quarter of the import, which must not grow once the worker is warm."""
    quarters = [
        max((mb for done, mb in samples if count * at <= 4 * done < count * (at + 1)), default=float("nan"))
        for at in range(4)
    ]
    growth = quarters[-1] - quarters[1]
    print(
        f"{count} images, {rate:.1f} a second; resident memory of the bulk worker, the most in each quarter:"
    )
    print("   ".join(f"{mb:.0f} MB" for mb in quarters) + f"   (second to last: {growth:+.1f} MB)")
    figures = {
        "images": count,
        "rate": round(rate, 2),
        "resident_mb": quarters,
        "growth_mb": round(growth, 1),
    }
    write_figures("imports_memory", figures)


def find_bulk_worker() -> psutil.Process:
    """The worker of this service, among others that may run on the machine."""
    for process in psutil.process_iter():
        try:
            serves_bulk = "--queues bulk" in " ".join(process.cmdline())
            if serves_bulk and process.environ().get("REDIS_URL") == settings.REDIS_URL:
                return process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    raise SystemExit("the service has no bulk worker on this machine")


def read_resident_mb(worker: psutil.Process) -> float:
    """The process's resident memory in MB."""
    return float(worker.memory_info().rss) / 2**20


if __name__ == "__main__":
    main()
