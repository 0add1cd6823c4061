"""Catalogues on their way in and out."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from vitrine.cli.galleries import GalleryArgument, JsonOption, find_gallery
from vitrine.cli.jobs import WaitOption, finish_job
from vitrine.cli.progress import follow_job, show_bytes
from vitrine.cli.session import open_session, print_json
from vitrine.cli.targets import open_target
from vitrine.client import VitrineClient
from vitrine.consoles import open_console
from vitrine.files import Sendable, measure_file, open_file
from vitrine.imports import ImportWish, Mode
from vitrine.jobs import JobRow, check_job

_MOST_BITS = 7
_RESUMING = (
    "Run the same command again: an upload goes on where it was; an import that had begun goes on by itself, "
    "and is followed."
)


def import_catalogue(
    context: typer.Context,
    gallery: GalleryArgument,
    source: Annotated[
        Path,
        typer.Argument(
            metavar="SOURCE",
            help="A folder (of a folder for each product, or with a manifest), an archive, or a manifest "
            "(CSV, JSON Lines) of URLs.",
            show_default=False,
        ),
    ],
    *,
    create: Annotated[bool, typer.Option("--create", help="Make the gallery where there is none.")] = False,
    mode: Annotated[
        Mode, typer.Option(help="create: new SKUs only; replace: delete products that no row names.")
    ] = "upsert",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Change nothing, say what would be.")] = False,
    column: Annotated[
        list[str] | None, typer.Option(metavar="OURS=THEIRS", help="A manifest's own name of a column.")
    ] = None,
    near_duplicates: Annotated[
        str | None, typer.Option(metavar="N|off", help="Bits in which a near copy may differ, 0 to 7.")
    ] = None,
    wait: WaitOption = True,
    as_json: JsonOption = False,
) -> None:
    """Import a catalogue: upload it, follow the import, and list the rows that failed."""
    columns, nearness = parse_columns(column or []), parse_nearness(near_duplicates)
    with open_session(context, resuming=_RESUMING) as client:
        file = open_file(source)
        found = find_gallery(client, gallery, create=create)
        upload = send_file(client, file, quiet=as_json)
        wish = ImportWish(
            upload=upload, mode=mode, dry_run=dry_run, near_duplicates=nearness, columns=columns
        )
        running = find_import(client, found.id, wish)
        job = running or client.start_import(found.id, wish)
        if not as_json:
            said = "is under way" if running else "has begun"
            open_console(stderr=True).print(f"import {job.id} of {file.filename} {said}", markup=False)
        finish_job(client, job, wait=wait, as_json=as_json)


def export_gallery(
    context: typer.Context,
    gallery: GalleryArgument,
    out: Annotated[Path, typer.Argument(metavar="OUT", help="The ZIP to write.", show_default=False)],
    *,
    as_json: JsonOption = False,
) -> None:
    """Write a gallery into an archive that `import` reads back."""
    with open_session(context, resuming="The job goes on: vitrine jobs --kind export") as client:
        found = find_gallery(client, gallery)
        with open_target(out) as target:
            started = client.start_export(found.id)
            job = check_job(follow_job(client, started.id, quiet=as_json))
            with show_bytes(quiet=as_json) as progress:
                task = progress.add_task("downloading", total=None)

                def write(block: bytes) -> None:
                    target.write(block)
                    progress.advance(task, len(block))

                client.jobs.download_archive(job.id, write)
    if as_json:
        print_json({**asdict(job), "file": str(out), "bytes": out.stat().st_size})
    else:
        open_console().print(f"{out}: {job.done} photos, {out.stat().st_size} bytes", markup=False)


def send_file(client: VitrineClient, file: Sendable, *, quiet: bool) -> str:
    """The id of the complete upload of the file, from where an earlier run came to."""
    with show_bytes(quiet=quiet) as progress:
        reading = progress.add_task("reading", total=file.size)
        measured = measure_file(file, lambda size: progress.advance(reading, size))
        progress.update(reading, total=measured.size, completed=measured.size)
        sending = progress.add_task("uploading", total=measured.size)
        upload = client.uploads.send(
            file, measured, sent=lambda received: progress.update(sending, completed=received)
        )
        progress.update(sending, completed=measured.size)
    return upload.id


def find_import(client: VitrineClient, gallery: str, wish: ImportWish) -> JobRow | None:
    """The import of the same upload in the same way that an earlier run began and that has not ended."""
    wanted = {name: value for name, value in wish.as_body().items() if name != "photos"}
    for state in ("running", "pending"):
        for row in client.jobs.list_jobs(gallery=gallery, kind="import", state=state):
            if row.asked is not None and wanted.items() <= row.asked.items():
                return row
    return None


def parse_columns(said: list[str]) -> Mapping[str, str]:
    """Our names of columns to the manifest's own, from `sku=Artikelnummer`. Raises `typer.BadParameter`."""
    columns = {}
    for each in said:
        ours, sign, theirs = each.partition("=")
        if not (sign and ours.strip() and theirs.strip()):
            raise typer.BadParameter(f"{each!r} should be like sku=Artikelnummer.", param_hint="--column")
        columns[ours.strip()] = theirs.strip()
    return columns


def parse_nearness(said: str | None) -> int | Literal["usual"] | None:
    """What `ImportWish.near_duplicates` is to be. Raises `typer.BadParameter`."""
    if said is None:
        return "usual"
    if said == "off":
        return None
    if said.isdecimal() and int(said) <= _MOST_BITS:
        return int(said)
    raise typer.BadParameter(f"{said!r} is neither 0 to 7 nor off.", param_hint="--near-duplicates")
