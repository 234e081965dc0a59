"""The examples: valid, without a warning, and with boot scripts that are careful with data."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

import desired_state.load as loading
from desired_state.load import load
from desired_state.model import HttpProbe, Mode, TcpProbe
from desired_state.schema import SCHEMA_FILE, json_schema

ROOT = Path(loading.__file__).parent
EXAMPLES = ROOT / "examples"
DOCUMENTS = [*sorted(EXAMPLES.rglob("*.yaml")), *sorted((ROOT / "policies").rglob("*.yaml"))]
SCRIPTS = sorted(EXAMPLES.rglob("*.sh"))
POSTGRES_BOOT = EXAMPLES / "postgres" / "boot.sh"


def test_the_examples_are_a_stateless_and_a_stateful_fleet() -> None:
    state = load([EXAMPLES / "web", EXAMPLES / "postgres"])
    assert state.warnings == ()
    postgres, web = state.fleets
    assert (web.name, web.replicas, web.stateful, web.mode) == ("web", 6, False, Mode.AUTO)
    assert isinstance(web.health.probe, HttpProbe)
    assert (postgres.name, postgres.replicas, postgres.mode) == ("shared-postgres", 3, Mode.AUTO)
    assert [claim.name for claim in postgres.claims] == ["data"]
    assert isinstance(postgres.health.probe, TcpProbe)
    assert postgres.health.probe.port == 5432
    for fleet in state.fleets:
        assert len(fleet.placement.zones) == 3
        assert fleet.instance.user_data is not None


def test_each_example_stands_by_itself() -> None:
    assert [fleet.name for fleet in load([EXAMPLES / "web"]).fleets] == ["web"]
    assert [fleet.name for fleet in load([EXAMPLES / "postgres"]).fleets] == ["shared-postgres"]


def test_the_platform_is_a_thousand_slots_over_four_zones_in_all_three_tiers() -> None:
    state = load([EXAMPLES / "platform"])
    declared = {fleet.name: (fleet.replicas, fleet.tier, fleet.mode) for fleet in state.fleets}
    assert declared == {
        "dedicated-postgres": (200, 0, Mode.AUTO),
        "shared-postgres": (60, 1, Mode.APPROVE),
        "git": (40, 2, Mode.AUTO),
        "routers": (100, 0, Mode.AUTO),
        "web": (600, 1, Mode.AUTO),
    }
    assert all(len(fleet.placement.zones) == 4 for fleet in state.fleets)
    assert [fleet.name for fleet in state.fleets if fleet.stateful] == [
        "dedicated-postgres",
        "git",
        "shared-postgres",
    ]
    # It is how things were then: no backup leaves the region.
    assert all("has no `copyTo`" in warning for warning in state.warnings)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_the_first_line_leads_editors_to_the_schema(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    first = text.splitlines()[0]
    prefix = "# yaml-language-server: $schema="
    assert first.startswith(prefix)
    assert (path.parent / first.removeprefix(prefix)).resolve() == SCHEMA_FILE.resolve()
    Draft202012Validator(json_schema()).validate(yaml.safe_load(text))


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.parent.name)
def test_the_boot_scripts_are_valid_and_strict(path: Path) -> None:
    subprocess.run(["bash", "-n", str(path)], check=True)
    assert path.read_text(encoding="utf-8").startswith("#!/usr/bin/env bash\n")
    assert "\nset -euo pipefail\n" in path.read_text(encoding="utf-8")


class Machine:
    """A directory of stand-in programs that a boot script finds before the real ones, and what they were asked."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "log"
        self.log.touch()
        self.install("sleep")
        self.install("logger")

    def install(self, program: str, body: str = "") -> None:
        """Add a program that logs its call and then runs the body."""
        path = self.directory / program
        path.write_text(f'#!/bin/bash\necho "{program} $*" >>"{self.log}"\n{body}\n')
        path.chmod(0o755)

    def calls_of(self, program: str) -> list[str]:
        return [line for line in self.log.read_text().splitlines() if line.split()[0] == program]

    def run(self, *commands: str) -> subprocess.CompletedProcess[str]:
        """Run functions of the database's boot script in the place of its last line, which runs them all."""
        return self.run_at(Path("/srv/postgres"), *commands)

    def run_at(self, mount: Path, *commands: str) -> subprocess.CompletedProcess[str]:
        """The same with the volume mounted there."""
        script = POSTGRES_BOOT.read_text(encoding="utf-8").removesuffix('main "$@"\n')
        script = script.replace('ARCHIVES=""', "ARCHIVES=s3://backups")
        script = script.replace("MOUNT=/srv/postgres", f"MOUNT={mount}")
        return subprocess.run(
            ["bash", "-c", script + "\n".join(commands)],
            env={"PATH": f"{self.directory}:{os.environ['PATH']}:/usr/sbin:/sbin"},
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    directory = tmp_path / "bin"
    directory.mkdir()
    return Machine(directory)


@pytest.fixture
def device(tmp_path: Path) -> Path:
    """A file of zeros in the place of a volume."""
    path = tmp_path / "device"
    with path.open("wb") as file:
        file.truncate(8 << 20)
    return path


def test_the_database_waits_until_it_is_the_occupant(machine: Machine, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    machine.install(
        "curl",
        f"""\
        case "$*" in
          *api/token*) echo session; exit 0 ;;
          *"X-aws-ec2-metadata-token: session"*tags/instance/fleet-reconciler:role)
            echo x >>"{asked}"
            case "$(wc -l <"{asked}")" in
              1) exit 22 ;;  # The tag is not there yet.
              2) echo replacement ;;
              *) echo occupant ;;
            esac ;;
          *) exit 1 ;;
        esac""",
    )
    completed = machine.run("wait_for_role occupant", "echo now")
    assert (completed.returncode, completed.stdout) == (0, "now\n")
    assert len(machine.calls_of("sleep")) == 2


def test_a_blank_volume_gets_a_filesystem(machine: Machine, device: Path) -> None:
    machine.install("mkfs.ext4")
    completed = machine.run(f'make_filesystem_if_blank "{device}"')
    assert completed.returncode == 0, completed.stdout + completed.stderr
    assert machine.calls_of("mkfs.ext4") == [f"mkfs.ext4 -q -L postgres {device}"]


def test_a_volume_with_a_filesystem_is_kept(machine: Machine, device: Path) -> None:
    machine.install("mkfs.ext4")
    subprocess.run(
        [shutil.which("mkswap", path="/usr/sbin:/sbin:/usr/bin") or "mkswap", str(device)],
        check=True,
        capture_output=True,
    )
    completed = machine.run(f'make_filesystem_if_blank "{device}"')
    assert completed.returncode == 0
    assert "keeping it" in completed.stdout
    assert machine.calls_of("mkfs.ext4") == []


@pytest.mark.parametrize("offset", [0, 4096, 1_000_000])
def test_a_volume_that_holds_anything_is_never_formatted(
    machine: Machine, device: Path, offset: int
) -> None:
    machine.install("mkfs.ext4")
    with device.open("r+b") as file:
        file.seek(offset)
        file.write(b"data")
    completed = machine.run(f'make_filesystem_if_blank "{device}"')
    assert completed.returncode == 1
    assert "leaving it alone" in completed.stdout
    assert machine.calls_of("mkfs.ext4") == []


def test_a_volume_that_cannot_be_read_is_never_formatted(machine: Machine, tmp_path: Path) -> None:
    machine.install("mkfs.ext4")
    completed = machine.run(f'make_filesystem_if_blank "{tmp_path / "gone"}"')
    assert completed.returncode == 1
    assert machine.calls_of("mkfs.ext4") == []


def test_the_device_is_known_by_the_name_it_was_attached_under(machine: Machine) -> None:
    # The controller's answer: 3,072 bytes, then the name in 32 bytes, filled up with spaces.
    machine.install(
        "nvme", "head -c 3072 /dev/zero; printf '%-32s' /dev/sdf; head -c 992 /dev/zero"
    )
    assert machine.run("attached_as /dev/nvme1n1").stdout == "sdf\n"
    machine.install("nvme", "head -c 3072 /dev/zero; printf '%-32s' sdg; head -c 992 /dev/zero")
    assert machine.run("attached_as /dev/nvme1n1").stdout == "sdg\n"


def test_without_postgres_in_the_image_the_boot_stops(machine: Machine) -> None:
    completed = machine.run("program=$(postgres_program no-such-program)", "echo went on")
    assert completed.returncode == 1
    assert "no no-such-program in this image" in completed.stderr
    assert "went on" not in completed.stdout


TAGS = {"fleet": "shared-postgres", "slot": "7", "incarnation": "3", "restore-from": "2"}


def with_tags(machine: Machine, **tags: str) -> None:
    """The instance metadata shows these tags of ours."""
    shown = "\n".join(f"          */fleet-reconciler:{key}) echo {tags[key]} ;;" for key in tags)
    keys = " ".join(f"fleet-reconciler:{key}" for key in tags)
    machine.install(
        "curl",
        f"""\
        case "$*" in
          *api/token*) echo session ;;
          */tags/instance) echo {keys} ;;
{shown}
          *) exit 22 ;;
        esac""",
    )


def with_wal_g(machine: Machine, code: int = 0) -> None:
    """WAL-G, which tells the archive that it was called for."""
    machine.install("wal-g", f'echo "prefix $WALG_S3_PREFIX" >>"{machine.log}"; exit {code}')


def test_a_segment_is_fetched_from_the_parents_archive(machine: Machine) -> None:
    with_tags(machine, **TAGS)
    with_wal_g(machine)
    completed = machine.run("fetch_segment 000000010000000000000007 pg_wal/RECOVERYXLOG")
    assert completed.returncode == 0, completed.stderr
    assert machine.calls_of("prefix") == ["prefix s3://backups/shared-postgres/7/2"]


@pytest.mark.parametrize(
    ("said", "told"), [(74, 1), (1, 200), (130, 200)], ids=["not there", "failed", "killed"]
)
def test_only_a_segment_that_is_not_there_ends_the_replay(
    machine: Machine, said: int, told: int
) -> None:
    """PostgreSQL would take any other small code for the end of the log too, and serve without the rest."""
    with_tags(machine, **TAGS)
    with_wal_g(machine, said)
    assert machine.run("fetch_segment segment path").returncode == told


def test_a_segment_is_not_given_up_while_the_tags_cannot_be_read(machine: Machine) -> None:
    machine.install("curl", "exit 22")
    with_wal_g(machine)
    assert machine.run("fetch_segment segment path").returncode == 200
    assert machine.calls_of("wal-g") == []


def test_what_a_restored_database_writes_goes_under_its_own_incarnation(machine: Machine) -> None:
    with_tags(machine, **TAGS)
    with_wal_g(machine)
    machine.install("runuser", 'shift 3; "$@"')
    assert machine.run("archive_segment pg_wal/000000020000000000000008").returncode == 0
    assert machine.run("archive_base").returncode == 0
    assert set(machine.calls_of("prefix")) == {"prefix s3://backups/shared-postgres/7/3"}


def test_nothing_is_replayed_where_the_controller_names_no_parent(machine: Machine) -> None:
    with_tags(machine, **{key: TAGS[key] for key in TAGS if key != "restore-from"})
    with_wal_g(machine)
    assert machine.run("replay_the_parents_archive").returncode == 0
    assert machine.calls_of("wal-g") == []


@pytest.mark.parametrize("empty", [True, False], ids=["an empty volume", "a copy"])
def test_a_restore_replays_once_and_fetches_the_base_onto_an_empty_volume_alone(
    machine: Machine, tmp_path: Path, *, empty: bool
) -> None:
    with_tags(machine, **TAGS)
    with_wal_g(machine)
    machine.install("runuser", 'shift 3; "$@"')
    machine.install("install", 'touch "${@: -1}"')
    data = tmp_path / "srv" / "data"
    data.mkdir(parents=True)
    if not empty:
        (data / "PG_VERSION").write_text("16\n")
    command = "replay_the_parents_archive"
    completed = machine.run_at(tmp_path / "srv", command)
    assert completed.returncode == 0, completed.stderr
    fetched = ["wal-g backup-fetch " + str(data) + " LATEST"] if empty else []
    assert machine.calls_of("wal-g") == fetched
    assert (data / "recovery.signal").exists()
    (data / "recovery.signal").unlink()
    assert machine.run_at(tmp_path / "srv", command).returncode == 0
    assert not (data / "recovery.signal").exists(), "a reboot is no restore"
