"""Photos to be named, or compared."""

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from vitrine.answers import Recognition, Search
from vitrine.cli.galleries import GalleryArgument, JsonOption, find_gallery
from vitrine.cli.id_tables import open_id_table
from vitrine.cli.session import UNWELL, open_session, print_json
from vitrine.consoles import open_console
from vitrine.errors import FileProblem
from vitrine.photos import Photo

PhotosArgument = Annotated[
    list[Path], typer.Argument(metavar="PHOTO...", help="One photo or several.", show_default=False)
]


def recognize(
    context: typer.Context,
    gallery: GalleryArgument,
    photos: PhotosArgument,
    *,
    top_k: Annotated[int, typer.Option(min=1, help="Candidates to show.")] = 5,
    as_json: JsonOption = False,
) -> None:
    """Name the product in a photo, or say that it is unknown. Exit status 1 where one is unknown."""
    unknown = False
    console = open_console()
    with open_session(context) as client:
        found = find_gallery(client, gallery).id
        for path in photos:
            answer = client.recognize(found, read_photo(path), top_k=top_k)
            unknown = unknown or answer.product is None
            if as_json:
                print_json({"photo": str(path), **asdict(answer)})
            else:
                _print_recognition(console, path, answer)
    raise typer.Exit(UNWELL if unknown else 0)


def search(
    context: typer.Context,
    gallery: GalleryArgument,
    photos: PhotosArgument,
    *,
    top_k: Annotated[int, typer.Option(min=1, help="Reference photos to show.")] = 10,
    as_json: JsonOption = False,
) -> None:
    """Find the reference photos that are nearest to a photo; nothing is decided."""
    console = open_console()
    with open_session(context) as client:
        found = find_gallery(client, gallery).id
        for path in photos:
            answer = client.search(found, read_photo(path), top_k=top_k)
            if as_json:
                print_json(_describe_search(path, answer))
            else:
                _print_search(console, path, answer)


def read_photo(path: Path) -> Photo:
    """The photo. Raises `FileProblem`."""
    try:
        return Photo.from_path(path)
    except OSError as error:
        raise FileProblem("file_unreadable", f"{path} cannot be read: {error.strerror}.") from error


def _print_recognition(console: Console, path: Path, answer: Recognition) -> None:
    named = f"[yellow]unknown[/yellow] ({answer.reason})"
    if answer.product is not None:
        title = f" {answer.product.title}" if answer.product.title else ""
        named = f"[bold]{escape(answer.product.sku)}[/bold]{escape(title)}"
    score = "" if answer.score is None else f", score {answer.score:.3f}"
    threshold = "" if answer.threshold is None else f", threshold {answer.threshold:.3f}"
    console.print(f"{escape(str(path))}: {named}{score}{threshold}", soft_wrap=True)
    table = Table("Candidate", "Title", box=SIMPLE, pad_edge=False)
    table.add_column("Score", justify="right")
    for candidate in answer.candidates:
        table.add_row(escape(candidate.sku), escape(candidate.title), f"{candidate.score:.3f}")
    if answer.candidates:
        console.print(table)


def _print_search(console: Console, path: Path, answer: Search) -> None:
    table = open_id_table("Reference photo", "SKU", "Title", title=escape(str(path)))
    table.add_column("Score", justify="right")
    for image, match in answer.matches:
        table.add_row(image, escape(match.sku), escape(match.title), f"{match.score:.3f}")
    console.print(table)


def _describe_search(path: Path, answer: Search) -> dict[str, object]:
    matches = [{"image": image, **asdict(match)} for image, match in answer.matches]
    return {"photo": str(path), **asdict(answer), "matches": matches}
