"""Our rules of the Placement API against those of openstack-placement itself."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from innkeeper.auth.rulebook import ADMINS_DEPRECATED
from innkeeper.auth.rules import BASE, PLACEMENT, Rule

pytestmark = pytest.mark.slow


def shown(rule: Rule) -> dict[str, Any]:
    return {
        "check": rule.check,
        "scopes": list(rule.scopes),
        "operations": list(rule.operations),
        "deprecated": list(ADMINS_DEPRECATED) if rule.admin_deprecated else None,
    }


def test_names_checks_scopes_and_deprecations_are_those_of_placement(checkout: Path) -> None:
    printed = subprocess.run(
        [checkout / ".venv-peers/bin/python", Path(__file__).parent / "placement_rules.py"],
        check=True,
        capture_output=True,
        timeout=120,
    ).stdout
    assert {rule.name: shown(rule) for rule in (*BASE, *PLACEMENT)} == json.loads(printed)
