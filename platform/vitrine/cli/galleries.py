"""Galleries: listed, and found by what people call them."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape

from vitrine.answers import GalleryRow
from vitrine.cli.id_tables import open_id_table
from vitrine.cli.session import WrongUse, open_session, print_json
from vitrine.client import VitrineClient
from vitrine.consoles import open_console
from vitrine.errors import ApiProblem

_SHOWN = 20
GalleryArgument = Annotated[
    str, typer.Argument(metavar="GALLERY", help="Its name or id.", show_default=False)
]
JsonOption = Annotated[bool, typer.Option("--json", help="JSON for programs, instead of a table.")]


def show_galleries(context: typer.Context, *, as_json: JsonOption = False) -> None:
    """List your galleries."""
    with open_session(context) as client:
        rows = list(client.list_galleries())
    if as_json:
        print_json([asdict(row) for row in rows])
        return
    table = open_id_table("Id", "Name", "State", "Models")
    for row in rows:
        models = ", ".join(f"{model.name} ({model.representation})" for model in row.models)
        table.add_row(row.id, escape(row.name), row.state, escape(models))
    open_console().print(table)


def find_gallery(client: VitrineClient, said: str, *, create: bool = False) -> GalleryRow:
    """The gallery of this name or id. create: made where there is none. Raises `WrongUse`."""
    found = _find_by_id(client, said) or client.find_gallery(said)
    if create:
        return client.ensure_gallery(said) if found is None else found
    if found is None:
        names = [row.name for row in client.list_galleries()]
        shown = ", ".join(map(repr, names[:_SHOWN])) + (", ..." if len(names) > _SHOWN else "")
        there = f"Yours are: {shown}." if names else "You have none yet."
        message = f"There is no gallery {said!r}. {there} `vitrine import --create` makes one."
        raise WrongUse("gallery_not_found", message)
    return found


def _find_by_id(client: VitrineClient, said: str) -> GalleryRow | None:
    try:
        return client.read_gallery(str(UUID(said)))
    except ValueError:
        return None
    except ApiProblem as problem:
        if problem.code != "gallery_not_found":
            raise
        return None
