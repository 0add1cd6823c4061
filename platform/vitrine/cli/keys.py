"""API keys: listed, made, rotated, revoked."""

from dataclasses import asdict
from typing import Annotated
from uuid import UUID

import typer
from rich.markup import escape

from vitrine.cli.galleries import JsonOption
from vitrine.cli.id_tables import open_id_table
from vitrine.cli.session import open_session, print_json
from vitrine.consoles import open_console
from vitrine.keys import KeyRow

KeyArgument = Annotated[UUID, typer.Argument(metavar="ID", help="The key's id.", show_default=False)]
app = typer.Typer(help="Make, rotate and revoke API keys; your own needs the scope `admin`.")


@app.callback(invoke_without_command=True)
def show_keys(
    context: typer.Context,
    *,
    everything: Annotated[bool, typer.Option("--all", help="With those that have ended.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List the keys, unless a command follows."""
    if context.invoked_subcommand:
        return
    with open_session(context) as client:
        rows = list(client.keys.list_keys(live=None if everything else True))
    if as_json:
        print_json([_describe(row) for row in rows])
        return
    table = open_id_table("Id", "Name", "Key", "Scopes", "State", "Expires", "Last used")
    for row in rows:
        times = (_shorten(row.expires_at), _shorten(row.last_used_at))
        table.add_row(
            row.id, escape(row.name), f"vtr_{row.prefix}_...", ", ".join(row.scopes), row.state, *times
        )
    open_console().print(table)


@app.command("create")
def create_key(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="What will use it.", show_default=False)],
    *,
    scope: Annotated[list[str], typer.Option(help="What it may do, such as recognize; may be repeated.")],
    expires: Annotated[str | None, typer.Option(help="When it ends, such as 2027-06-30T00:00:00Z.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Make a key and print it. It is shown this once."""
    with open_session(context) as client:
        _print_new(client.keys.create(name, scope, expires_at=expires), as_json=as_json)


@app.command("rotate")
def rotate_key(
    context: typer.Context,
    key: KeyArgument,
    *,
    overlap_hours: Annotated[
        int, typer.Option(min=0, max=720, help="The old key lives on for so long; 0 revokes it at once.")
    ] = 24,
    as_json: JsonOption = False,
) -> None:
    """Make a key that takes the place of another and print it. It is shown this once."""
    with open_session(context) as client:
        _print_new(client.keys.rotate(str(key), overlap_s=overlap_hours * 3600), as_json=as_json)


@app.command("revoke")
def revoke_key(context: typer.Context, key: KeyArgument) -> None:
    """End a key at once."""
    with open_session(context) as client:
        client.keys.revoke(str(key))


def _print_new(row: KeyRow, *, as_json: bool) -> None:
    if as_json:
        print_json({**_describe(row), "key": row.plaintext})
        return
    open_console(stderr=True).print(f"Key {row.id}. Keep it well: it is not shown again.", soft_wrap=True)
    typer.echo(row.plaintext)


def _describe(row: KeyRow) -> dict[str, object]:
    return {name: value for name, value in asdict(row).items() if name != "plaintext"}


def _shorten(moment: str | None) -> str:
    return (moment or "")[:16].replace("T", " ")
