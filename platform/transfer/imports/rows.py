"""From a source's row to an item of the job."""

from jobs.items import describe_failure
from jobs.models import Job, JobItem
from tenants.domain.attributes import is_storable
from tenants.domain.skus import is_clean_sku
from tenants.errors import DomainError
from transfer.errors import RowRefused
from transfer.sources.source import SourceRow

_MAX_SKU = 100
_MAX_PLACE = 2000
_MAX_NAME = 500


def make_item(job: Job, row: SourceRow) -> JobItem:
    """The item of the row, not saved; one that cannot be used has failed already."""
    problem = row.problem or _find_problem(row)
    item = JobItem(
        tenant_id=job.tenant_id,
        job=job,
        line=row.line,
        sku=_clean(row.sku)[:_MAX_SKU],
        name=_clean(row.name)[-_MAX_NAME:],
    )
    if problem is None:
        item.place = row.place
        item.data = dict(row.fields)
    else:
        for name, value in describe_failure(problem.code, problem.message).items():
            setattr(item, name, value)
    return item


def _find_problem(row: SourceRow) -> DomainError | None:
    """What no source may get past."""
    if not row.sku.strip():
        return RowRefused("The row names no SKU.", code="row_invalid")
    if len(row.sku) > _MAX_SKU:
        return RowRefused(f"The SKU is longer than {_MAX_SKU} characters.", code="row_invalid")
    if len(row.place) > _MAX_PLACE:
        return RowRefused(f"The photo's place is longer than {_MAX_PLACE} characters.", code="row_invalid")
    if not is_storable(row.sku + row.place):
        return RowRefused("The row holds NUL characters or broken surrogate pairs.", code="row_invalid")
    if not is_clean_sku(row.sku):
        return RowRefused("A SKU has no control characters.", code="row_invalid")
    return None


def _clean(text: str) -> str:
    return text if is_storable(text) else text.encode("utf-8", "replace").decode().replace("\x00", "?")
