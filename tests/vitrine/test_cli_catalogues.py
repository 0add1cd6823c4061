"""Which import a command that is given again goes on with."""

import pytest

from tests.vitrine.server import Answer, Server, make_json, open_client
from vitrine.cli.catalogues import find_import
from vitrine.imports import ImportWish

WISH = ImportWish(upload="u", near_duplicates=2)


def page(*asked: dict[str, object] | None) -> Answer:
    rows = [
        {"id": str(number), "kind": "import", "state": "running", "asked": each}
        for number, each in enumerate(asked)
    ]
    return make_json({"results": rows, "next": None})


def ask_for(**changed: object) -> dict[str, object]:
    return {**WISH.as_body(), "directory": None, "near_duplicates": 2, **changed}


def test_import_of_the_same_upload_in_the_same_way_is_followed(server: Server) -> None:
    server.script = iter([page(ask_for(mode="replace"), ask_for())])
    with open_client(server) as client:
        found = find_import(client, "g", WISH)
    assert found is not None
    assert found.id == "1"


def test_import_that_waits_is_followed_too(server: Server) -> None:
    server.script = iter([page(), page(ask_for())])
    with open_client(server) as client:
        assert find_import(client, "g", WISH) is not None
    assert [path.split("state=")[1].split("&")[0] for _, path, _ in server.asked] == ["running", "pending"]


@pytest.mark.parametrize(
    "changed",
    [{"upload": "v"}, {"dry_run": True}, {"near_duplicates": None}, {"columns": {"sku": "Article"}}],
)
def test_import_of_something_else_or_in_another_way_is_not_followed(
    server: Server, changed: dict[str, object]
) -> None:
    server.script = iter([page(ask_for(**changed), None), page()])
    with open_client(server) as client:
        assert find_import(client, "g", WISH) is None
