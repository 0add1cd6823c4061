"""`python manage.py demo`: import products, recognise queries, show the answers."""

import hashlib
from argparse import ArgumentParser
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import CommandError
from rich.console import Console

from demo.folders import Query, read_products, read_queries
from demo.importing import Article, Imported, import_articles
from demo.photos import write_photos
from demo.report import print_import, print_results, print_summary
from demo.service import find_url, open_client, wait_until_ready
from demo.settling import Told
from demo.skus import make_sku
from demo.trial import recognise_queries, summarise_results
from tenants.management.operating import OperatorCommand
from vitrine.client import VitrineClient
from vitrine.consoles import open_console
from vitrine.errors import VitrineError

SAMPLE_GALLERY: Final = "Sample products"
# What a shop would choose that would rather say "unknown" than name a look-alike.
SAMPLE_SETTINGS: Final = {"score_threshold": 0.88}


@dataclass(frozen=True)
class Exhibit:
    """What one run of the demo imports and asks."""

    gallery: str
    articles: tuple[Article, ...]
    queries: tuple[Query, ...]
    own_photos: bool
    settings: Mapping[str, Any] = field(default_factory=dict)


class Command(OperatorCommand):
    """Everything but the key goes over HTTP, as a customer's program would do it."""

    help = "Import sample products (or your own) and recognise query photos through the running service."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Two folders of the user's own, both optional."""
        parser.add_argument(
            "--photos", type=Path, metavar="DIR", help="a folder per product: DIR/<product>/*.jpg"
        )
        parser.add_argument(
            "--queries",
            type=Path,
            metavar="DIR",
            help="photos to recognise: DIR/*.jpg, or DIR/<product>/*.jpg",
        )

    def handle(self, *_args: Any, **options: Any) -> None:
        """Run the demo. Wrong answers do not fail it, missing ones do."""
        console = open_console()
        try:
            find_url()
            exhibit = choose_exhibit(options["photos"], options["queries"], console)
            complaints = run_demo(exhibit, console)
        except VitrineError as error:
            raise CommandError(str(error)) from error
        if complaints:
            raise CommandError("; ".join(complaints))


def choose_exhibit(photos: Path | None, queries: Path | None, console: Console) -> Exhibit:
    """The user's folders where given, the sample photos otherwise. Raises `FileProblem`."""
    if photos is None:
        return _choose_sample(queries, console)
    products = read_products(photos)
    articles = tuple(Article(make_sku(each.name), each.name, "", each.photos) for each in products)
    asked = read_queries(queries, [each.name for each in products]) if queries else []
    return Exhibit(name_gallery(photos), articles, tuple(asked), own_photos=True)


def name_gallery(photos: Path) -> str:
    """A gallery name that belongs to this folder alone."""
    place = photos.resolve()
    digest = hashlib.sha256(str(place).encode("utf-8", "surrogateescape")).hexdigest()[:8]
    return f"Photos {place.name[:60]} {digest}"


def run_demo(exhibit: Exhibit, console: Console) -> list[str]:
    """Import, recognise and print; the reasons why the run has failed, none where it went well."""
    with console.status("waiting for the service") as status, open_client() as client:
        wait_until_ready(find_url(), tell=status.update)
        gallery = client.ensure_gallery(exhibit.gallery, settings=exhibit.settings)
        imported = import_articles(client, gallery.id, exhibit.articles, status.update)
        print_import(console, imported)
        return [
            *_judge_import(exhibit, imported),
            *_show_answers(client, gallery.id, exhibit, console, status.update),
        ]


def _show_answers(
    client: VitrineClient, gallery: str, exhibit: Exhibit, console: Console, tell: Told
) -> list[str]:
    if not exhibit.queries:
        console.print("No queries were given (--queries DIR), so nothing is recognised.")
        return []
    results = recognise_queries(client, gallery, exhibit.queries, tell)
    print_results(console, results, {each.sku: each.title for each in exhibit.articles})
    summary = summarise_results(results)
    print_summary(console, summary)
    if not summary.unanswered:
        return []
    first = next(each.problem for each in results if each.answer is None and not each.refused)
    return [f"{summary.unanswered} of {len(results)} queries got no answer; the first: {first}"]


def _judge_import(exhibit: Exhibit, imported: Imported) -> list[str]:
    """Photos of the user's own may be broken; a sample photo or any other failure is ours."""
    ours = [
        each
        for each in imported.failures
        if not (exhibit.own_photos and each.code.startswith(("image_", "file_")))
    ]
    return (
        [f"{len(ours)} photos could not be indexed; the first: {ours[0].name}: {ours[0].message}"]
        if ours
        else []
    )


def _choose_sample(queries: Path | None, console: Console) -> Exhibit:
    folder = Path(settings.VAR_DIR) / "demo"
    with console.status("drawing the sample photos (once)") as status:
        photos = write_photos(
            folder,
            progress=lambda done, all_: status.update(f"drawing the sample photos (once): {done} of {all_}"),
        )
    console.print(f"Sample photos: {folder}" + (" (drawn now)" if photos.drawn_now else ""))
    details = {product.sku: product for product in photos.known}
    articles = tuple(
        Article(each.name, details[each.name].title, details[each.name].category, each.photos)
        for each in read_products(photos.photos)
    )
    asked = read_queries(queries or photos.queries, details)
    return Exhibit(SAMPLE_GALLERY, articles, tuple(asked), own_photos=False, settings=SAMPLE_SETTINGS)
