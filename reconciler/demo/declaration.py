"""The demo's desired state: the two example fleets with the ids of a running cloud in the place of placeholders."""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Protocol

EXAMPLES = ("web", "postgres")


class Place(Protocol):
    """What a launch needs of a cloud; `subnets` maps zone ids to subnet ids."""

    @property
    def image(self) -> str: ...
    @property
    def security_group(self) -> str: ...
    @property
    def subnets(self) -> Mapping[str, str]: ...


def declare(folder: Path, cloud: Place) -> None:
    """Write the example fleets into `folder`, pointed at this cloud."""
    with as_file(files("desired_state") / "examples") as examples:
        for name in EXAMPLES:
            shutil.copytree(examples / name, folder / name)
    for path in sorted(folder.rglob("*.yaml")):
        path.write_text(_pointed_at(path.read_text(encoding="utf-8"), cloud), encoding="utf-8")


def scale(folder: Path, fleet_folder: str, *, old: int, new: int) -> None:
    """Declare another number of replicas, as a person would in an editor. Raises ValueError when it is not `old`."""
    redeclare(folder, fleet_folder, old=f"replicas: {old}", new=f"replicas: {new}")


def redeclare(folder: Path, fleet_folder: str, *, old: str, new: str) -> None:
    """Put one line in the place of another, likewise. Raises ValueError when `old` is not there."""
    for path in sorted((folder / fleet_folder).glob("*.yaml")):
        text = path.read_text(encoding="utf-8")
        if f"{old}\n" not in text:
            raise ValueError(f"{path.name} does not declare {old}")
        path.write_text(text.replace(f"{old}\n", f"{new}\n"), encoding="utf-8")


def _pointed_at(text: str, cloud: Place) -> str:
    text = re.sub(r"^# yaml-language-server:.*\n#\n", "", text)
    text = re.sub(r"image: ami-[0-9a-z]+", f"image: {cloud.image}", text)
    text = re.sub(r"sg-[0-9a-z]+", cloud.security_group, text)
    for zone, subnet in cloud.subnets.items():
        text = re.sub(rf"{zone}: subnet-[0-9a-z]+", f"{zone}: {subnet}", text)
    return text
