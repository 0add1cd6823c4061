"""A shop's end: nothing of it is left anywhere, and nothing of another shop's is touched."""

import io
import sys
from collections.abc import Callable, Iterator
from datetime import timedelta
from types import ModuleType
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

import retrieval.galleries
import retrieval.tenants
from jobs.dispatch import create_job
from jobs.errors import JobCancelled
from jobs.models import Job
from jobs.progress import MAX_ATTEMPTS, report_progress, run_job
from retrieval.index.store import VectorStore
from retrieval.tenants import close_tenant, delete_tenant
from tenants.domain.galleries import create_gallery
from tenants.domain.keys import authenticate_key, issue_key
from tenants.errors import KeyRejected
from tenants.models import Gallery, ReferenceImage, Tenant
from tenants.scope import tenant_scope
from tests.retrieval.estate import count_rows, find_mentions, list_files, list_keys, open_estate
from tests.retrieval.moments import Killed, act_after, act_before, kill, once
from tests.retrieval.shelf import Shelf, drop_collections_of, list_collections, open_shelf
from tests.tenants.rows import change_rows

Step = tuple[ModuleType, str]
Act = Callable[[pytest.MonkeyPatch, ModuleType, str, Callable[[], None]], None]
STEPS: list[Step] = [
    (retrieval.galleries, "drop_collections"),
    (retrieval.galleries, "delete_exemplar_files"),
    (retrieval.galleries, "delete_file"),
    (retrieval.galleries, "delete_folder"),
    (retrieval.galleries, "_delete_when_empty"),
    (retrieval.tenants, "drop_collections_of_tenant"),
    (retrieval.tenants, "delete_folder"),
    (retrieval.tenants, "forget_tenant"),
    (retrieval.tenants, "_delete_rows"),
]


@pytest.fixture(scope="module")
def globex(rows: None, store: VectorStore) -> Iterator[Shelf]:
    shelf = open_estate("globex", store)
    yield shelf
    drop_collections_of(shelf, store)


@pytest.fixture
def acme(rows: None) -> Shelf:
    return open_shelf("acme")


def run(tenant: Tenant, job_id: UUID) -> bool:
    """Run the job as a worker does that finds it abandoned; False when there is none to run."""
    change_rows(Job.across_tenants.filter(pk=job_id), leased_until="2020-01-01T00:00Z", attempts=0)
    claimed = False
    with tenant_scope(tenant.id), run_job(job_id) as job:
        if job is not None:
            claimed = True
            delete_tenant(job)
    return claimed


def run_until(tenant: Tenant, job_id: UUID, monkeypatch: pytest.MonkeyPatch, act: Act, step: Step) -> None:
    """Kill the worker before or after this step."""
    with monkeypatch.context() as patch:
        act(patch, *step, kill)
        with pytest.raises(Killed):
            run(tenant, job_id)


def read_job(job: Job) -> Job:
    return Job.across_tenants.get(pk=job.pk)


def test_deleted_tenant_leaves_nothing_anywhere_although_its_job_is_killed_at_every_step(
    globex: Shelf, store: VectorStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = open_estate("acme", store)
    tenant = shelf.tenant
    empty = [label for label, count in count_rows(tenant).items() if not count]
    assert empty == [], "the shop was to have rows in every table"
    assert len(list_files(tenant.id)) > 6
    neighbour = count_rows(globex.tenant), list_files(globex.tenant.id), list_keys(globex.tenant)

    job = close_tenant(tenant=tenant, trigger="test")
    for step in STEPS:
        for act in (act_before, act_after):
            run_until(tenant, job.pk, monkeypatch, act, step)
            assert Job.across_tenants.filter(pk=job.pk).exists() or (step, act) == (STEPS[-1], act_after)

    assert not run(tenant, job.pk), "the job is gone with the shop"
    assert not Tenant.objects.filter(pk=tenant.pk).exists()
    assert sum(count_rows(tenant).values()) == 0
    assert find_mentions(tenant.id) == set()
    assert list_files(tenant.id) == []
    assert list_keys(tenant) == []
    assert list_collections(shelf, store) == []
    assert (
        count_rows(globex.tenant),
        list_files(globex.tenant.id),
        list_keys(globex.tenant),
    ) == neighbour
    assert len(list_collections(globex, store)) == 1


def test_end_of_the_job_after_its_tenant_has_gone_raises_nothing(acme: Shelf) -> None:
    job = close_tenant(tenant=acme.tenant, trigger="test")
    assert run(acme.tenant, job.pk)
    assert not Tenant.objects.filter(pk=acme.tenant.pk).exists()


def test_keys_of_a_closed_tenant_are_refused_at_once(acme: Shelf) -> None:
    plaintext = issue_key(tenant=acme.tenant, name="till", scopes=[]).plaintext
    authenticate_key(plaintext=plaintext)
    close_tenant(tenant=acme.tenant, trigger="test")
    with pytest.raises(KeyRejected) as refused:
        authenticate_key(plaintext=plaintext)
    assert refused.value.code == "key_revoked"


def test_closing_hides_galleries_and_ends_jobs_of_every_kind(acme: Shelf) -> None:
    with tenant_scope(acme.tenant.id):
        jobs = [
            create_job(tenant_id=acme.tenant.id, kind=kind, trigger="t", gallery=acme.gallery)
            for kind in Job.Kind
            if kind != Job.Kind.DELETE_TENANT
        ]
    close_tenant(tenant=acme.tenant, trigger="test")
    assert {read_job(job).state for job in jobs} == {"cancelled"}
    assert Gallery.across_tenants.get(pk=acme.gallery.pk).deleted_at is not None


def test_closing_twice_answers_the_same_job_and_another_once_that_gave_up(acme: Shelf) -> None:
    first = close_tenant(tenant=acme.tenant, trigger="test")
    assert close_tenant(tenant=acme.tenant, trigger="test").pk == first.pk
    change_rows(Job.across_tenants.filter(pk=first.pk), state=Job.State.ERRORED, attempts=MAX_ATTEMPTS)
    second = close_tenant(tenant=acme.tenant, trigger="test")
    assert second.pk != first.pk
    assert run(acme.tenant, second.pk)
    assert not Tenant.objects.filter(pk=acme.tenant.pk).exists()


def test_deletion_waits_until_the_worker_of_a_cancelled_job_has_let_go(acme: Shelf) -> None:
    with tenant_scope(acme.tenant.id):
        reindex = create_job(
            tenant_id=acme.tenant.id, kind=Job.Kind.REINDEX, trigger="t", gallery=acme.gallery
        )
        with run_job(reindex.pk) as held:
            assert held is not None
            job = close_tenant(tenant=acme.tenant, trigger="test")
            assert run(acme.tenant, job.pk)
            waiting = read_job(job)
            assert (waiting.state, waiting.attempts) == ("pending", 0)
            with pytest.raises(JobCancelled):
                report_progress(held, done=1)
    assert run(acme.tenant, job.pk)
    assert not Tenant.objects.filter(pk=acme.tenant.pk).exists()


def test_deletion_waits_until_a_photo_in_the_models_is_let_go(acme: Shelf) -> None:
    with tenant_scope(acme.tenant.id):
        ReferenceImage.objects.create(
            tenant=acme.tenant,
            gallery=acme.gallery,
            product=acme.product,
            size=1,
            file="none",
            leased_until=timezone.now() + timedelta(seconds=20),
        )
    job = close_tenant(tenant=acme.tenant, trigger="test")
    assert run(acme.tenant, job.pk)
    assert read_job(job).state == "pending"
    change_rows(ReferenceImage.across_tenants.filter(gallery=acme.gallery), leased_until=timezone.now())
    assert run(acme.tenant, job.pk)
    assert not Tenant.objects.filter(pk=acme.tenant.pk).exists()


def test_gallery_that_a_late_request_makes_is_removed_too(
    acme: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = close_tenant(tenant=acme.tenant, trigger="test")
    late = once(lambda: create_gallery(tenant_id=acme.tenant.id, name="late", settings={}))
    act_before(monkeypatch, retrieval.tenants, "_delete_rows", late)
    assert run(acme.tenant, job.pk)
    assert not Tenant.objects.filter(pk=acme.tenant.pk).exists()


def delete_by_command(*args: str) -> str:
    printed = io.StringIO()
    call_command("deletetenant", *args, stdout=printed)
    return printed.getvalue()


class Terminal(io.StringIO):
    """What an operator types."""

    def isatty(self) -> bool:
        return True


def test_command_asks_for_the_slug_and_deletes_nothing_without_it(
    acme: Shelf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal("yes\n"))
    with pytest.raises(CommandError, match=r"Nothing was deleted\."):
        delete_by_command(acme.tenant.slug)
    monkeypatch.setattr(sys, "stdin", io.StringIO(acme.tenant.slug))
    with pytest.raises(CommandError, match="--yes"):
        delete_by_command(acme.tenant.slug)
    assert Tenant.objects.get(pk=acme.tenant.pk).deleted_at is None

    monkeypatch.setattr(sys, "stdin", Terminal(f"{acme.tenant.slug}\n"))
    said = delete_by_command(acme.tenant.slug)
    assert "acme: 1 galleries, 0 photos. There is no way back." in said
    assert Tenant.objects.get(pk=acme.tenant.pk).deleted_at is not None


def test_command_called_again_tells_how_far_the_job_is(acme: Shelf) -> None:
    assert "are refused. Job" in delete_by_command(acme.tenant.slug, "--yes")
    job = Job.across_tenants.get(tenant=acme.tenant, kind=Job.Kind.DELETE_TENANT)
    change_rows(Job.across_tenants.filter(pk=job.pk), done=3, total=9)
    assert f"Job {job.pk} removes what it has: 3 of 9 photos so far." in delete_by_command(acme.tenant.slug)


def test_command_names_a_tenant_that_there_is_not(rows: None) -> None:
    with pytest.raises(CommandError, match="No tenant 'nobody'"):
        delete_by_command("nobody", "--yes")


def test_no_key_is_issued_to_a_closed_tenant(acme: Shelf) -> None:
    close_tenant(tenant=acme.tenant, trigger="test")
    with pytest.raises(CommandError, match="No tenant"):
        call_command("createkey", acme.tenant.slug)


def test_mentions_are_found_in_any_table(globex: Shelf) -> None:
    """The walk that must find nothing of the deleted shop finds what there is of a living one."""
    assert find_mentions(globex.tenant.id) >= set(count_rows(globex.tenant))
