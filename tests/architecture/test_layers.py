"""Imports point one way: the contracts of pyproject.toml, checked by import-linter."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from tests.support.repository import PACKAGES, ROOT

LINT = (
    "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
)


def lint_imports(root: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", LINT],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def plant(root: Path, module: str, line: str) -> None:
    path = root / module
    path.write_text(path.read_text(encoding="utf-8") + f"\n{line}\n", encoding="utf-8")


def test_every_contract_is_kept() -> None:
    result = lint_imports(ROOT)

    assert result.returncode == 0, result.stdout + result.stderr


def test_every_contract_sees_a_planted_fault(tmp_path: Path) -> None:
    for package in PACKAGES:
        shutil.copytree(ROOT / package, tmp_path / package)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    plant(tmp_path, "reconciler/health/verdict.py", "import reconciler.planning.plan")
    plant(tmp_path, "reconciler/planning/slots/claims.py", "import reconciler.planning.gates.pace")
    plant(tmp_path, "reconciler/planning/outcome.py", "import time")
    plant(tmp_path, "reconciler/clock.py", "import boto3")
    plant(tmp_path, "providers/requests.py", "import desired_state.model")
    plant(tmp_path, "reconciler/main.py", "import moto")

    result = lint_imports(tmp_path)

    assert result.returncode == 1
    for contract in (
        "Imports only point down",
        "Planning goes from facts to a plan",
        "Deciding does no input or output",
        "Only the EC2 adapter imports boto3",
        "What is never imports what is wanted, nor the other way",
        "moto is an extra",
    ):
        assert f"{contract} BROKEN" in result.stdout, result.stdout
