"""Looks up the pinned packages in PyPI's list of known vulnerabilities: ends with 1 if it names one of them.

Where that list cannot be reached it says so and ends with 0: no network is no vulnerability.
"""

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

PINS = Path(__file__).parents[1] / "constraints.txt"
_TIMEOUT_S = 300


@dataclass(frozen=True)
class Verdict:
    """How many packages were looked up, which could not be, and a line for each vulnerability."""

    audited: int
    skipped: tuple[str, ...]
    vulnerabilities: tuple[str, ...]


def judge_report(report: str) -> Verdict:
    """Read pip-audit's JSON. A package that its service does not know was not looked up."""
    packages = json.loads(report)["dependencies"]
    known = [package for package in packages if "skip_reason" not in package]
    found = [
        f"{package['name']} {package['version']}: {entry['id']}, mended in {_join(entry['fix_versions'])}"
        for package in known
        for entry in package["vulns"]
    ]
    skipped = tuple(package["name"] for package in packages if "skip_reason" in package)
    return Verdict(audited=len(known), skipped=skipped, vulnerabilities=tuple(found))


def conclude(verdict: Verdict) -> tuple[int, list[str]]:
    """The exit status and what to print."""
    if not verdict.audited:
        return 0, ["Dependency audit skipped: the list of vulnerabilities knows none of our packages here."]
    lines = list(verdict.vulnerabilities)
    if verdict.skipped:
        lines.append(f"Not on the list, so not audited: {', '.join(verdict.skipped)}")
    lines.append(f"{verdict.audited} packages audited, {len(verdict.vulnerabilities)} vulnerabilities.")
    return (1 if verdict.vulnerabilities else 0), lines


def _join(versions: list[str]) -> str:
    return " or ".join(versions) or "no version yet"


def _ask() -> tuple[str, str]:
    """What pip-audit says, as JSON (empty when it got no answer), and its complaints."""
    audit = [sys.executable, "-m", "pip_audit", "--requirement", str(PINS), "--no-deps", "--disable-pip"]
    options = ["--format", "json", "--progress-spinner", "off", "--timeout", "10"]
    try:
        ended = subprocess.run(
            [*audit, *options], capture_output=True, text=True, check=False, timeout=_TIMEOUT_S
        )
    except subprocess.TimeoutExpired:
        return "", f"no answer within {_TIMEOUT_S} s"
    return ended.stdout, ended.stderr.strip()


def main() -> int:
    """Ask, print, and return the exit status."""
    report, complaint = _ask()
    if report:
        status, lines = conclude(judge_report(report))
    else:
        reason = (complaint.splitlines() or ["no answer"])[-1]
        status, lines = 0, [f"Dependency audit skipped: {reason}"]
    sys.stdout.write("\n".join(lines) + "\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
