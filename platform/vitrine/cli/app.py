"""The `vitrine` command: a shop's work with the service, from a terminal or a script."""

from typing import Annotated

import typer

from vitrine.cli import catalogues, evaluations, galleries, jobs, keys, queries
from vitrine.cli.session import Connection

app = typer.Typer(
    name="vitrine",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("import")(catalogues.import_catalogue)
app.command("export")(catalogues.export_gallery)
app.command("recognize")(queries.recognize)
app.command("search")(queries.search)
app.command("galleries")(galleries.show_galleries)
app.command("jobs")(jobs.show_jobs)
app.command("job")(jobs.show_job)
app.command("cancel")(jobs.cancel_job)
app.command("retry")(jobs.retry_job)
app.command("report")(jobs.write_report)
app.command("evaluate")(evaluations.evaluate_gallery)
app.add_typer(keys.app, name="keys")


@app.callback()
def connect(
    context: typer.Context,
    url: Annotated[str, typer.Option(envvar="VITRINE_URL", help="The service's address.")] = "",
    key: Annotated[str, typer.Option(envvar="VITRINE_KEY", help="An API key of your shop.")] = "",
) -> None:
    """Bring a catalogue to Vitrine, ask what is on a photo, and look after what runs.

    Exit status: 0 done; 1 rows failed, or a product is unknown; 2 wrong use; 3 the service refused or has
    a problem; 130 interrupted.
    """
    context.obj = Connection(url, key)


def main() -> None:
    """Run the command."""
    app()
