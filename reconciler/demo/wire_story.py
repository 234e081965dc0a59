"""The demo over EC2's wire, told with the same commands that people use against AWS, in real time.

    tell        a cloud in a process of its own → play
    play        declare → apply → break → apply → history → plan → status → proof

Whether it converged is not asked of our own planner but seen with plain boto3 against the list in `_expected`.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.demo import sabotage
from reconciler.demo.declaration import declare, redeclare, scale
from reconciler.demo.embedded import EmbeddedCloud, embedded_cloud
from reconciler.demo.proof import Expected, differences

if TYPE_CHECKING:
    from mypy_boto3_ec2 import EC2Client

OWNER = "demo"
WEB_REPLICAS, WEB_REPLICAS_LATER = 6, 5
DATABASES = 3
COMMAND_TIMEOUT_S = 180


class DemoFailedError(Exception):
    """A command of the story failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """Where the story plays: the commands' environment, and the folder in which they run."""

    folder: Path
    environment: Mapping[str, str]
    ec2: EC2Client

    def say(self, text: str) -> None:
        """A line of the story."""
        sys.stdout.write(f"\n# {text}\n")
        sys.stdout.flush()

    def command(self, *words: str) -> None:
        """Run one of our commands as a person would, showing it first. Raises DemoFailedError when it fails."""
        sys.stdout.write(f"\n$ reconciler {' '.join(words)}\n")
        sys.stdout.flush()
        try:
            done = subprocess.run(  # noqa: S603 - our own command with fixed words
                [sys.executable, "-m", "reconciler", *words],
                cwd=self.folder,
                env=dict(self.environment),
                timeout=COMMAND_TIMEOUT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as late:
            raise DemoFailedError(
                f"`reconciler {' '.join(words)}` did not end within {COMMAND_TIMEOUT_S} s"
            ) from late
        if done.returncode:
            raise DemoFailedError(f"`reconciler {' '.join(words)}` exited {done.returncode}")


def tell(inherited: Mapping[str, str]) -> int:
    """Play the story on a cloud of its own; 0 only when that ends as the list says. Raises EmbeddedCloudError."""
    with (
        tempfile.TemporaryDirectory(prefix="reconciler-demo-") as folder,
        embedded_cloud() as cloud,
    ):
        return play(Path(folder), cloud, inherited)


def play(folder: Path, cloud: EmbeddedCloud, inherited: Mapping[str, str]) -> int:
    """The whole story on an empty cloud, with its files in `folder`; 0 only when the cloud ends as the list says."""
    stage = _stage(folder, cloud, inherited)
    try:
        volumes = _bring_up(stage, cloud)
        _break(stage)
        _heal(stage)
        faults = differences(stage.ec2, _expected(volumes))
    except DemoFailedError as fault:
        faults = [str(fault)]
    return _verdict(faults)


def _stage(folder: Path, cloud: EmbeddedCloud, inherited: Mapping[str, str]) -> Stage:
    import boto3  # noqa: PLC0415 - a third of a second that `--help` must not pay

    session = boto3.session.Session(
        aws_access_key_id="testing",
        aws_secret_access_key="testing",  # noqa: S106 - any key opens the embedded cloud
        region_name=cloud.region,
    )
    environment = {
        **cloud.environment_over(inherited),
        "RECONCILER_DESIRED": "fleets",
        "RECONCILER_STORE": str(folder / "store.sqlite"),
        "RECONCILER_OWNER": OWNER,
    }
    ec2 = session.client("ec2", endpoint_url=cloud.endpoint)
    return Stage(folder=folder, environment=environment, ec2=ec2)


def _bring_up(stage: Stage, cloud: EmbeddedCloud) -> dict[str, dict[str, str]]:
    """Declare the fleets and bring them up; returns each database slot's volumes, by device."""
    stage.say("A cloud of its own runs on this machine: EC2's wire, no AWS, no account, no cost.")
    stage.say(
        f"Two fleets are declared: {WEB_REPLICAS} web servers, {DATABASES} databases with a volume each."
    )
    declare(stage.folder / "fleets", cloud)
    _back_up_twice_a_day(stage.folder / "fleets")
    stage.command("validate")
    stage.say(
        "Bring them up: `apply` shows its plan, does it, and waits until the cloud is as declared."
    )
    stage.command("apply", "--yes", "--wait")
    live = sabotage.live_instances(stage.ec2)
    databases = (f"shared-postgres/{ordinal}" for ordinal in range(DATABASES))
    return {slot: sabotage.data_volumes(live[slot][0]) for slot in databases}


def _back_up_twice_a_day(fleets: Path) -> None:
    """With a snapshot every quarter of an hour one may fall due between the last `apply` and `plan`."""
    redeclare(fleets, "postgres", old="every: 15m", new="every: 12h")
    redeclare(fleets, "postgres", old="maxLoss: 45m", new="maxLoss: 25h")


def _break(stage: Stage) -> None:
    """Hurt the fleets behind the controller's back, and change a wish."""
    stage.say("Now things break, behind the controller's back:")
    deeds = (
        sabotage.terminate(stage.ec2, "web/1"),
        sabotage.terminate(stage.ec2, "shared-postgres/0"),
        sabotage.detach_volume(stage.ec2, "shared-postgres/2"),
        sabotage.change_tag(stage.ec2, "web/3", "team", "somebody-else"),
    )
    scale(stage.folder / "fleets", "web", old=WEB_REPLICAS, new=WEB_REPLICAS_LATER)
    for deed in (*deeds, f"declare {WEB_REPLICAS_LATER} web servers instead of {WEB_REPLICAS}"):
        sys.stdout.write(f"  - {deed}\n")
    sys.stdout.flush()


def _heal(stage: Stage) -> None:
    stage.say(
        "Heal: `apply` shows its plan again, and carries out exactly that. The database's volume survived its instance "
        "and moves to the replacement."
    )
    stage.command("apply", "--yes", "--wait")
    stage.say("What happened to the database whose instance was terminated?")
    stage.command("history", "shared-postgres/0")
    stage.say("The same declaration again: nothing to do.")
    stage.command("plan")
    stage.command("status")


def _expected(volumes: Mapping[str, Mapping[str, str]]) -> list[Expected]:
    """What the cloud must hold at the end, written down here and not taken from a plan."""
    web = [
        Expected(slot=f"web/{ordinal}", tags={"team": "web"}, volumes={})
        for ordinal in range(WEB_REPLICAS_LATER)
    ]
    databases = [
        Expected(slot=slot, tags={"team": "data"}, volumes=held) for slot, held in volumes.items()
    ]
    return web + databases


def _verdict(faults: list[str]) -> int:
    if faults:
        sys.stdout.write("\nThe demo did not end as it should:\n")
        sys.stdout.writelines(f"  - {fault}\n" for fault in faults)
        return 1
    sys.stdout.write(
        f"\nSeen with plain boto3: {WEB_REPLICAS_LATER} web servers and {DATABASES} databases run, "
        "each database on the volume it began with, and nothing else is left.\n"
    )
    return 0
