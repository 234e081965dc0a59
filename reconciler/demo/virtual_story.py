"""The demo in virtual time: a story in chapters on the simulated cloud, where things take their time.

    tell        an empty simulated account → play
    play        the six chapters (`chapters`), and then: is it true?

Whether it went well is asked of the cloud's own truth (`truth`), and never of the controller.
"""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path

from desired_state.load import load
from providers.simulated.layout import Layout
from reconciler.demo import chapters, truth
from reconciler.demo.chapters import DATABASES, STALLED_A_WHILE, STUCK, WEB_AT_LAST
from reconciler.demo.declaration import declare
from reconciler.demo.narrator import Narrator
from reconciler.demo.story import PATIENCE, Story
from reconciler.demo.truth import Claim
from reconciler.planning.actions import Bucket
from reconciler.planning.outcome import Plan
from reconciler.simulation.guard import NotConvergedError, VirtualGuard, virtual_guard
from reconciler.surface import words

SEED = 2011

LAYOUT = Layout(
    account="123456789012",
    zones={"use1-az6": "us-east-1a", "use1-az1": "us-east-1b", "use1-az2": "us-east-1c"},
    subnets={"subnet-0a1": "use1-az1", "subnet-0a2": "use1-az2", "subnet-0a6": "use1-az6"},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What a launch needs of the simulated account."""

    image: str = "ami-0abc1234def567890"
    security_group: str = "sg-0a1b2c3d4e5f60010"

    @property
    def subnets(self) -> dict[str, str]:
        """Subnet ids by zone id."""
        return {zone: subnet for subnet, zone in LAYOUT.subnets.items()}


def tell() -> int:
    """Play the story in an account of its own; 0 only when all that it claims is true."""
    with tempfile.TemporaryDirectory(prefix="reconciler-demo-") as name:
        folder = Path(name)
        declare(folder / "fleets", Place())
        desired = load([folder / "fleets"])
        with virtual_guard(
            desired, store=folder / "store.sqlite", layout=LAYOUT, seed=SEED
        ) as guard:
            return play(guard, folder / "fleets")


def play(guard: VirtualGuard, fleets: Path) -> int:
    """The whole story on an empty account whose fleets are declared in `fleets`; 0 when all that it claims is true."""
    story = Story(
        guard=guard,
        fleets=fleets,
        narrator=Narrator(guard.cloud.clock.now()),
        stranger=_another_teams_instance(guard),
    )
    try:
        chapters.bring_up(story)
        chapters.people_meddle(story)
        chapters.machines_fail(story)
        chapters.volumes_stall(story)
        chapters.ec2_fails(story)
        quiet = chapters.on_guard(story)
    except NotConvergedError as fault:
        return _stuck(story, fault)
    return _verdict(story, quiet)


def _another_teams_instance(guard: VirtualGuard) -> str:
    reply = guard.cloud.ec2.run_instances(
        MinCount=1,
        MaxCount=1,
        ImageId=Place().image,
        InstanceType="m5.large",
        SubnetId="subnet-0a1",
    )
    return str(reply["Instances"][0]["InstanceId"])


def _verdict(story: Story, quiet: Claim) -> int:
    """What was claimed, and what the truth says to it."""
    cloud = story.guard.cloud
    wanted = {f"web/{n}": {"team": "web"} for n in range(WEB_AT_LAST)}
    wanted |= {f"shared-postgres/{n}": {"team": "data"} for n in range(DATABASES)}
    lost = cloud.plan.hits["F5", "RunInstances"]
    changes = cloud.truth.changes
    stall, spared = story.stalls[STUCK], story.stalls[STALLED_A_WHILE]
    kept = {slot: held for slot, held in story.data.items() if slot != STUCK}
    claims = (
        truth.each_slot_is_filled(cloud.truth, wanted, left_behind={STUCK: stall.instance_id}),
        truth.data_is_kept(cloud.truth, kept),
        truth.a_copy_took_over(cloud.truth, stall),
        truth.the_loss_was_as_stated(cloud.truth, stall, story.stated.get(STUCK)),
        truth.what_stuck_is_kept(cloud.truth, stall),
        truth.what_answered_again_was_spared(cloud.truth, spared),
        truth.never_two_in_service(changes, with_data=story.data.keys()),
        truth.volumes_left_only_what_could_not_write(changes),
        truth.nothing_was_launched_twice(changes, answers_lost=lost),
        truth.a_stranger_was_left_alone(cloud.truth, story.stranger),
        quiet,
    )
    story.narrator.chapter(
        "Is it true? Asked of the simulated cloud's own records, not of the controller:"
    )
    story.narrator.claims(claims)
    return 1 if any(claim.against for claim in claims) else 0


def _stuck(story: Story, fault: NotConvergedError) -> int:
    story.narrator.chapter("The story ends here, which it should not:")
    claim = f"the fleets come to stand as declared within {words.duration(PATIENCE)}"
    story.narrator.claims([Claim(text=claim, against=_unfinished(fault.plan))])
    return 1


def _unfinished(plan: Plan | None) -> tuple[str, ...]:
    if plan is None:
        return ("not even one look at the cell succeeded",)
    open_slots = (slot for slot in plan.slots if slot.bucket is not Bucket.HEALTHY)
    return tuple(f"{item.slot}: {item.bucket}: {item.summary}" for item in open_slots)
