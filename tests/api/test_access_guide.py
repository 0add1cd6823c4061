"""docs/access.md and the OpenAPI document say of each call which scope it needs."""

import re

from tests.api.operations import OPERATIONS, Operation, describe_api
from tests.api.test_access import NEEDED
from tests.conftest import ROOT

_ROW = re.compile(r"^\| `([a-z_]+)` \| `([A-Z]+) (\S+)` \| `([a-z:]+)` \|$", re.MULTILINE)
_DOCUMENT = describe_api()


def find_scope(operation: Operation) -> str:
    """The scope that the document names."""
    (scheme,) = _DOCUMENT["paths"][operation.path][operation.method]["security"]
    (scope,) = scheme["apiKey"]
    return str(scope)


def test_document_names_the_scope_of_each_call() -> None:
    for operation in OPERATIONS:
        described = _DOCUMENT["paths"][operation.path][operation.method]
        assert find_scope(operation) == NEEDED[operation.id], operation
        assert f"`{NEEDED[operation.id]}`" in described["description"].splitlines()[-1]


def test_guide_names_the_scope_of_each_call() -> None:
    said = _ROW.findall((ROOT / "docs" / "access.md").read_text())
    true = [
        (operation.id, operation.method.upper(), operation.path, find_scope(operation))
        for operation in OPERATIONS
    ]
    assert sorted(said) == sorted(true)
