# ruff: noqa: SLF001 - `_meta` and the managers behind it are what this is about
"""Every table belongs to a tenant, or is named here as shared."""

import pytest
from django.apps import apps
from django.db import models
from django.db.models import Model
from django.test.utils import isolate_apps

from tenants.models.owned import TenantOwned, TenantScopedManager

SHARED = {
    # Of people, who may be in several shops.
    "account.EmailAddress",
    "account.EmailConfirmation",
    "mfa.Authenticator",
    "sessions.Session",
    "usersessions.UserSession",
    "auth.Group",
    "auth.Group_permissions",
    "auth.Permission",
    "auth.User",
    "auth.User_groups",
    "auth.User_user_permissions",
    "contenttypes.ContentType",
    "tenants.Tenant",
}
MODELS = apps.get_models(include_auto_created=True)


def find_leak(model: type[Model]) -> str | None:
    """Why rows of this model could be seen by another tenant, if they could."""
    if model._meta.label in SHARED:
        return None
    if not issubclass(model, TenantOwned):
        return "it is neither tenant-owned nor on the list of shared models"
    managers = {
        "objects": model.objects,
        "default manager": model._default_manager,
        "base manager": model._base_manager,
    }
    for name, manager in managers.items():
        if not isinstance(manager, TenantScopedManager):
            return f"its {name} is not scoped"
    if model._meta.get_field("tenant").null:
        return "its tenant may be null"
    return None


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)
def test_model_is_tenant_owned_or_shared_on_purpose(model: type[Model]) -> None:
    assert find_leak(model) is None


def test_list_of_shared_models_names_only_models_that_exist() -> None:
    assert {model._meta.label for model in MODELS} >= SHARED


@isolate_apps("tenants")
def test_walk_finds_a_model_that_nobody_owns() -> None:
    class Stray(models.Model):
        class Meta:
            app_label = "tenants"

        def __str__(self) -> str:
            return "stray"

    assert find_leak(Stray) == "it is neither tenant-owned nor on the list of shared models"


@isolate_apps("tenants")
def test_walk_finds_a_meta_class_that_forgets_the_scoped_managers() -> None:
    class Forgetful(TenantOwned):
        objects = models.Manager()  # type: ignore[assignment]

        class Meta:
            app_label = "tenants"

        def __str__(self) -> str:
            return "forgetful"

    assert find_leak(Forgetful) == "its objects is not scoped"
