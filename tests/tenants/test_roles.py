"""What a person may do, by role: the table of docs/access.md, and the one of the code."""

import re
from itertools import pairwise

import pytest

from tenants.domain.roles import POWERS, Role, check_may_deal_with, check_owns, role_scopes
from tenants.errors import OwnerNeeded
from tenants.models.api_key import Scope
from tests.conftest import ROOT

GUIDE = (ROOT / "docs" / "access.md").read_text()


def read_table() -> dict[str, tuple[bool, ...]]:
    """Role -> what the guide grants, in the order of its columns."""
    rows = re.findall(r"^\| `(owner|admin|editor|viewer)` \|(.*)\|$", GUIDE, re.MULTILINE)
    return {role: tuple(cell.strip() == "yes" for cell in cells.split("|")) for role, cells in rows}


def test_every_role_has_its_powers_and_each_has_more_than_the_next() -> None:
    assert set(POWERS) == set(Role)
    scopes = [role_scopes(role) for role in (Role.VIEWER, Role.EDITOR, Role.ADMIN, Role.OWNER)]
    assert all(less <= more for less, more in pairwise(scopes))
    assert scopes[2] == scopes[3] == frozenset(Scope)


def test_guide_grants_what_the_code_grants() -> None:
    columns = ["recognize", "catalog:read", "jobs", "catalog:write", "admin"]
    said = {
        role: (*(Scope(column) in powers.scopes for column in columns), powers.owns)
        for role, powers in POWERS.items()
    }
    assert read_table() == said


@pytest.mark.parametrize("role", [Role.VIEWER, Role.EDITOR])
def test_only_admins_and_owners_look_after_keys_and_people(role: Role) -> None:
    assert Scope.ADMIN not in role_scopes(role)


@pytest.mark.parametrize("role", [role for role in Role if role != Role.OWNER])
def test_only_owners_may_what_is_for_owners(role: Role) -> None:
    check_owns(Role.OWNER)
    check_may_deal_with(Role.OWNER, Role.OWNER)
    check_may_deal_with(role, Role.ADMIN, Role.VIEWER)
    with pytest.raises(OwnerNeeded):
        check_owns(role)
    with pytest.raises(OwnerNeeded):
        check_may_deal_with(role, Role.ADMIN, Role.OWNER)


def test_word_that_is_no_role_grants_nothing() -> None:
    with pytest.raises(ValueError, match="not a valid"):
        role_scopes("root")
