"""The witness of the stories speaks when somebody does what no controller of ours does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from providers.simulated.records import Instance, Io
from reconciler.planning.identity import Tag
from reconciler.simulation.guard import VirtualGuard, virtual_guard
from tests.stories.databases import (
    DATABASES,
    LAYOUT,
    SLOT,
    heals,
    lasts,
    living,
    occupant,
    until,
    volume_of,
)
from tests.stories.witness import Witness
from tests.support.fleets import HOUR, MINUTE, desired

GROUPS = list(DATABASES.instance.security_groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reckless:
    """A replacement is prepared beside its original, whose volume answers again; nothing was wrong until now."""

    guard: VirtualGuard
    witness: Witness
    original: Instance
    replacement: Instance

    def commits(self) -> None:
        """As a controller does."""
        role = {"Key": Tag.ROLE.value, "Value": "occupant"}
        self.guard.cloud.ec2.create_tags(Resources=[self.replacement.id], Tags=[role])

    def lets_in(self) -> None:
        """As a controller does that believes in a fence."""
        self.guard.cloud.ec2.modify_instance_attribute(
            InstanceId=self.replacement.id, Groups=GROUPS
        )

    def claims_the_incarnation_of_its_parent(self) -> None:
        """The archive's prefix is made of it."""
        number = self.original.tags[Tag.INCARNATION.value]
        tag = {"Key": Tag.INCARNATION.value, "Value": number}
        self.guard.cloud.ec2.create_tags(Resources=[self.replacement.id], Tags=[tag])

    @property
    def said(self) -> list[str]:
        """What the witness said of who serves, without the intents that nobody wrote for any of this."""
        return [item for item in self.witness.objections if not item.startswith("S2")]


@pytest.fixture
def reckless(folder: Path) -> Iterator[Reckless]:
    store = folder / "store.sqlite"
    with virtual_guard(desired(DATABASES), store=store, layout=LAYOUT, seed=4) as guard:
        witness = Witness(guard.cloud, DATABASES, store)
        heals(guard)
        lasts(guard, HOUR)
        original = occupant(guard)
        guard.cloud.make_sick(volume_of(original), Io.STALLED)
        until(guard, lambda: len(living(guard)) == 2)
        lasts(guard, 5 * MINUTE)
        guard.cloud.make_sick(volume_of(original), Io.NORMAL)
        witness.objects_to_nothing()
        yield Reckless(
            guard=guard, witness=witness, original=original, replacement=living(guard)[1]
        )


def test_a_commit_alone_lets_nobody_serve_beside_another(reckless: Reckless) -> None:
    reckless.commits()
    assert reckless.said == []


def test_an_instance_that_is_let_in_beside_one_that_serves_is_told(reckless: Reckless) -> None:
    reckless.commits()
    reckless.lets_in()
    both = f"{reckless.original.id} and {reckless.replacement.id}"
    early = f"{reckless.replacement.id} is let in while {reckless.original.id} of {SLOT} is running"
    assert reckless.said == [f"S6: {early}", f"S6: {both} can serve {SLOT} at once"]


def test_a_second_writer_of_an_archive_is_told(reckless: Reckless) -> None:
    reckless.claims_the_incarnation_of_its_parent()
    reckless.commits()
    told = f"S7: {reckless.replacement.id} writes the archive of {reckless.original.id}: {SLOT}/1"
    assert told in reckless.said


def test_an_occupant_that_is_launched_beside_another_is_told(reckless: Reckless) -> None:
    tags = {**reckless.original.tags, Tag.INCARNATION.value: "9"}
    reply = reckless.guard.cloud.ec2.run_instances(
        ImageId=reckless.original.image,
        InstanceType="m5.large",
        MinCount=1,
        MaxCount=1,
        SubnetId=reckless.original.subnet,
        TagSpecifications=[
            {
                "ResourceType": "instance",
                "Tags": [{"Key": key, "Value": value} for key, value in tags.items()],
            }
        ],
    )
    launched = reply["Instances"][0]["InstanceId"]
    assert f"S7: {launched} was launched as the occupant of {SLOT} beside another" in reckless.said
