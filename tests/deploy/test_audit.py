"""The dependency audit: what it makes of pip-audit's report."""

import json
import runpy
import subprocess
import sys
from typing import Any

from tests.deploy.compose import ROOT

AUDIT = ROOT / ".ci" / "audit.py"
_PARTS = runpy.run_path(str(AUDIT))


def conclude(*packages: dict[str, Any]) -> tuple[int, list[str]]:
    report = json.dumps({"dependencies": packages, "fixes": []})
    status, lines = _PARTS["conclude"](_PARTS["judge_report"](report))
    return status, lines


def describe(name: str, *identifiers: str) -> dict[str, Any]:
    """A package as pip-audit reports it, with vulnerabilities of these names."""
    found = [{"id": identifier, "fix_versions": ["2.0"], "aliases": []} for identifier in identifiers]
    return {"name": name, "version": "1.0", "vulns": found}


UNKNOWN = {"name": "ours", "skip_reason": "Dependency not found on PyPI and could not be audited"}


def test_audit_fails_on_a_known_vulnerability_and_names_it() -> None:
    status, lines = conclude(describe("good"), describe("bad", "CVE-2026-1", "CVE-2026-2"), UNKNOWN)
    assert status == 1
    assert lines[0] == "bad 1.0: CVE-2026-1, mended in 2.0"
    assert "ours" in lines[2]
    assert lines[-1] == "2 packages audited, 2 vulnerabilities."


def test_audit_passes_where_nothing_is_known() -> None:
    assert conclude(describe("good")) == (0, ["1 packages audited, 0 vulnerabilities."])


def test_audit_that_looked_nothing_up_says_so_and_does_not_pass_for_one() -> None:
    status, (line,) = conclude(UNKNOWN, UNKNOWN)
    assert status == 0
    assert line.startswith("Dependency audit skipped:")


def test_audit_without_a_network_says_so() -> None:
    """Through a proxy that is not there."""
    environment = {"https_proxy": "http://127.0.0.1:9", "PATH": "/usr/bin:/bin"}
    answer = subprocess.run(
        [sys.executable, str(AUDIT)], env=environment, capture_output=True, text=True, check=False
    )
    assert answer.returncode == 0, answer.stderr
    assert answer.stdout.startswith("Dependency audit skipped: ")
    assert "127.0.0.1" in answer.stdout
