"""What is installed is what is here: the wheel holds every file of the packages, data too, and nothing else."""

from __future__ import annotations

import configparser
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.architecture.violations import assert_none
from tests.support.repository import PACKAGES, ROOT, files


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> zipfile.ZipFile:
    """Built by hatchling from what is here, without a network."""
    built = tmp_path_factory.mktemp("wheel")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", built],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    (path,) = built.glob("*.whl")
    return zipfile.ZipFile(path)


def packaged() -> set[str]:
    named = (path.relative_to(ROOT) for path in files())
    return {path.as_posix() for path in named if path.parts[0] in PACKAGES}


def left_out(wheel_names: Iterable[str], wanted: Iterable[str]) -> list[str]:
    return sorted(set(wanted) - set(wheel_names))


def test_every_file_of_the_packages_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    assert_none(left_out(wheel.namelist(), packaged()))


def test_a_file_that_is_left_out_is_seen(wheel: zipfile.ZipFile) -> None:
    assert left_out(wheel.namelist(), ["reconciler/clock.py", "reconciler/forgotten.yaml"]) == [
        "reconciler/forgotten.yaml"
    ]


def test_what_is_installed_works_away_from_the_repository(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    installed = tmp_path / "site packages"
    wheel.extractall(installed)
    uses_all_data = (
        "import reconciler.cli.entry, sys\n"
        "from pathlib import Path\n"
        "from desired_state.load import load\n"
        "from reconciler.store.store import Store\n"
        "here = Path(reconciler.cli.entry.__file__).parents[2]\n"
        "examples = here / 'desired_state' / 'examples'\n"
        "declared = load([examples / 'web', examples / 'postgres'])\n"
        "print(*(fleet.name for fleet in declared.fleets))\n"
        "from reconciler.simulation.scenario import load_scenario, shipped_scenarios\n"
        "print(*(load_scenario(name).name for name in shipped_scenarios()))\n"
        "with Store.open(Path(sys.argv[1])): pass\n"
        "reconciler.cli.entry.main(['schema'])\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", uses_all_data, str(tmp_path / "store.sqlite")],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stderr
    fleets, _, rest = result.stdout.partition("\n")
    scenarios, _, schema = rest.partition("\n")
    assert fleets == "shared-postgres web"
    assert "us-east-1-2011-04-21" in scenarios.split()
    assert json.loads(schema) == json.loads((installed / "desired_state/schema.json").read_text())


def test_the_demo_needs_no_tests_no_extra_and_no_network(
    wheel: zipfile.ZipFile, tmp_path: Path
) -> None:
    installed = tmp_path / "site packages"
    wheel.extractall(installed)
    tells_the_demo = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('moto', 'flask', 'tests')))  # None refuses an import\n"
        "sys.addaudithook(lambda event, _: event == 'socket.connect' and sys.exit('it went to the network'))\n"
        "import reconciler.demo.virtual_story as story\n"
        "assert story.__file__.startswith(sys.argv[1]), story.__file__\n"
        "sys.exit(story.tell())\n"
    )

    result = subprocess.run(
        [sys.executable, "-c", tells_the_demo, str(installed)],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )

    assert result.returncode == 0, result.stdout + result.stderr
    assert "Is it true?" in result.stdout


def test_nothing_else_is_in_the_wheel(wheel: zipfile.ZipFile) -> None:
    ours = {name for name in wheel.namelist() if ".dist-info/" not in name}

    assert ours - packaged() == set()


def test_the_command_that_the_wheel_installs_names_a_module_in_it(wheel: zipfile.ZipFile) -> None:
    (name,) = [name for name in wheel.namelist() if name.endswith("entry_points.txt")]
    entry_points = configparser.ConfigParser()
    entry_points.read_string(wheel.read(name).decode())

    module, _, function = entry_points["console_scripts"]["reconciler"].partition(":")

    assert f"def {function}(" in wheel.read(module.replace(".", "/") + ".py").decode()


def test_the_licence_and_the_readme_travel_along(wheel: zipfile.ZipFile) -> None:
    (metadata,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]

    assert any(name.endswith("licenses/LICENSE") for name in wheel.namelist())
    assert (ROOT / "README.md").read_text(encoding="utf-8").strip() in wheel.read(metadata).decode()
