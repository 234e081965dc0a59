"""The systemd unit: no unknown key, and hardened as systemd itself judges it."""

from __future__ import annotations

import re
import shlex
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.support.repository import ROOT

SYSTEMD = ROOT / "deploy" / "systemd"
UNIT = SYSTEMD / "fleet-reconciler.service"

needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not on this machine"
)


def remarks(unit: Path) -> list[str]:
    """What `systemd-analyze verify` says; it exits with 0 on unknown keys, so its words are what counts."""
    result = subprocess.run(
        ["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False
    )
    # The command is not installed on the machine that tests.
    return [line for line in result.stderr.splitlines() if "is not executable" not in line]


def settings(unit: Path) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for key, value in re.findall(r"^(\w+)=(.*)$", unit.read_text(encoding="utf-8"), re.MULTILINE):
        found.setdefault(key, []).append(value)
    return found


@needs_systemd
def test_systemd_has_no_remark() -> None:
    assert remarks(UNIT) == []


@needs_systemd
def test_systemd_would_see_a_misspelt_key(tmp_path: Path) -> None:
    misspelt = tmp_path / UNIT.name
    text = UNIT.read_text(encoding="utf-8").replace("ProtectHome=", "ProtectHouse=")
    misspelt.write_text(text, encoding="utf-8")

    assert any("Unknown key 'ProtectHouse'" in remark for remark in remarks(misspelt))


@needs_systemd
def test_systemd_judges_the_exposure_as_low() -> None:
    command = ["systemd-analyze", "security", "--offline=true", "--no-pager", str(UNIT)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if "offline" in result.stderr:
        pytest.skip("this systemd-analyze cannot judge a unit that is not loaded")

    exposure = re.search(r"Overall exposure level for \S+: ([0-9.]+)", result.stdout)

    assert exposure is not None, result.stdout
    assert float(exposure[1]) <= 1.5


def test_signals_drain_and_reload() -> None:
    unit = settings(UNIT)

    assert unit["KillSignal"] == ["SIGTERM"]
    assert unit["ExecReload"] == ["/bin/kill -HUP $MAINPID"]


def test_it_can_write_to_its_store_alone() -> None:
    unit = settings(UNIT)
    example = settings(SYSTEMD / "environment.example")

    assert unit["ProtectSystem"] == ["strict"]
    assert "ReadWritePaths" not in unit
    assert example["RECONCILER_STORE"] == [f"/var/lib/{unit['StateDirectory'][0]}/store.sqlite"]


def test_every_variable_of_the_command_is_in_the_example_of_its_settings() -> None:
    (command,) = settings(UNIT)["ExecStart"]
    example = settings(SYSTEMD / "environment.example")

    assert set(re.findall(r"\$\{(\w+)\}", command)) <= example.keys()
    assert shlex.split(command)[:2] == ["/opt/reconciler/bin/reconciler", "run"]


def test_the_account_of_the_service_is_the_one_that_is_made() -> None:
    account = re.search(
        r"^u (\w+) ", (SYSTEMD / "fleet-reconciler.sysusers").read_text("utf-8"), re.MULTILINE
    )

    assert account is not None
    assert settings(UNIT)["User"] == [account[1]]
