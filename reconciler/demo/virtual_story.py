"""The demo in virtual time: a story in chapters on the simulated cloud, where things take their time.

    tell        an empty simulated account → play
    play        bring up → people meddle → machines fail → EC2 itself fails → an hour on guard → is it true?

Whether it went well is asked of the cloud's own truth (`truth`), and never of the controller.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from desired_state.load import load
from providers.simulated.changes import Change
from providers.simulated.faults import (
    Meddling,
    ReadsGoBack,
    RequestLost,
    ResponseLost,
    Throttled,
    When,
)
from providers.simulated.gate import READING
from providers.simulated.layout import Layout
from providers.simulated.records import Guest, Instance
from reconciler.demo import truth
from reconciler.demo.declaration import declare, scale
from reconciler.demo.narrator import Narrator
from reconciler.demo.truth import Claim
from reconciler.demo.virtual import Blind, NotConvergedError, Passed, VirtualGuard, virtual_guard
from reconciler.planning.actions import Bucket
from reconciler.planning.outcome import Plan
from reconciler.surface import words

SEED = 2011
WEB, WEB_LATER, WEB_AT_LAST, DATABASES = 6, 5, 8, 3
PATIENCE = timedelta(hours=1)
BAD_WEATHER = timedelta(minutes=20)
ON_GUARD, TOLD_EVERY = timedelta(hours=1), timedelta(minutes=15)
BACKUP_CALLS = ("CreateSnapshot", "CreateSnapshots", "DeleteSnapshot")

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


@dataclass(slots=True, kw_only=True)
class Story:
    """The guard, the files that it is declared by, who tells of it, and what it began with."""

    guard: VirtualGuard
    fleets: Path
    narrator: Narrator
    stranger: str
    data: dict[str, dict[str, tuple[str, str]]]
    """`truth.lineages` of each database, once they are up."""

    def declare_web(self, *, old: int, new: int) -> None:
        """Edit the file, and let the controller see it."""
        scale(self.fleets, "web", old=old, new=new)
        self.guard.desired = load([self.fleets])

    def occupant(self, slot: str) -> Instance:
        """The instance that lives in a slot."""
        (instance,) = truth.living(self.guard.cloud.truth)[slot]
        return instance

    def heal(self) -> None:
        """Pass after pass until everything stands as declared. Raises NotConvergedError."""
        self._watch(self.guard.until_converged(within=PATIENCE))
        self.narrator.at(self.guard.cloud.clock.now(), "everything stands as declared")

    def guarded(self, *, lasting: timedelta) -> None:
        """Pass after pass for that long."""
        self._watch(self.guard.passes(lasting=lasting))

    def _watch(self, passes: Iterator[Passed]) -> None:
        began = self.guard.cloud.clock.now()
        for passed in passes:
            self.narrator.passed(passed, began)
            began = self.guard.cloud.clock.now()


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
        data={},
    )
    try:
        _bring_up(story)
        _people_meddle(story)
        _machines_fail(story)
        _ec2_fails(story)
        quiet = _on_guard(story)
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


def _bring_up(story: Story) -> None:
    story.narrator.chapter(
        "A simulated EC2 in this process: no AWS account, no network, no cost, nothing left behind.",
        "The controller is the real one; only the cloud is not. Its time is virtual: an hour passes in a second or "
        "two, and the times at the left are hours, minutes and seconds since its beginning. A slot is a numbered place "
        "in a fleet, such as web/0, that one instance holds at a time.",
    )
    story.narrator.chapter(
        f"1. Bring up {WEB} web servers, and {DATABASES} databases with a volume each, as two YAML files declare."
    )
    story.heal()
    for ordinal in range(DATABASES):
        slot = f"shared-postgres/{ordinal}"
        story.data[slot] = truth.lineages(story.guard.cloud.truth, story.occupant(slot))


def _people_meddle(story: Story) -> None:
    cloud = story.guard.cloud
    web, database, robbed, edited = (
        story.occupant(slot).id
        for slot in ("web/1", "shared-postgres/0", "shared-postgres/1", "web/3")
    )
    (volume,) = truth.data_volumes(story.occupant("shared-postgres/1")).values()
    story.narrator.chapter("2. People change things by hand, and a wish changes:")
    cloud.by_hand(Meddling.TERMINATE, web)
    cloud.by_hand(Meddling.TERMINATE, database)
    cloud.by_hand(Meddling.DETACH, volume)
    cloud.by_hand(Meddling.EDIT_TAGS, edited)
    story.declare_web(old=WEB, new=WEB_LATER)
    story.narrator.deeds(
        f"{web}, the instance of web/1, is terminated",
        f"{database}, the instance of the database shared-postgres/0, is terminated",
        f"{volume} is detached from {robbed}, the instance of shared-postgres/1",
        f"the tags of {edited}, the instance of web/3, are changed",
        f"the file says {WEB_LATER} web servers instead of {WEB}",
    )
    cloud.clock.sleep(60)
    story.narrator.chapter("What `reconciler plan` shows a minute later. A plan changes nothing:")
    story.narrator.plan(story.guard.look())
    story.narrator.chapter("The controller heals, by that plan:")
    story.heal()


def _machines_fail(story: Story) -> None:
    host, damaged = story.occupant("web/4").id, story.occupant("shared-postgres/2")
    (volume,) = truth.data_volumes(damaged).values()
    story.narrator.chapter("3. Machines fall sick without dying:")
    story.guard.cloud.make_sick(host, Guest.UNREACHABLE)
    _damage_root_disk(story.guard, damaged.id)
    story.narrator.deeds(
        f"the host of {host}, the instance of web/4, fails; a start on another host would cure that",
        f"the root disk of {damaged.id}, the instance of shared-postgres/2, is damaged: it hangs, and will after "
        f"every boot; its data volume {volume} is well and must be kept",
    )
    story.narrator.chapter(
        "The controller waits until the signs have lasted, and tries the mildest cure first:"
    )
    story.heal()


def _damage_root_disk(guard: VirtualGuard, instance_id: str) -> None:
    """The instance hangs now, and again each time that it has booted."""

    def hang() -> None:
        guard.cloud.make_sick(instance_id, Guest.HUNG)

    def hang_again(changes: Sequence[Change]) -> None:
        for change in changes:
            booted = change.after
            if (
                isinstance(booted, Instance)
                and booted.id == instance_id
                and booted.state == "running"
                and booted.guest is Guest.WELL
            ):
                guard.cloud.clock.after(timedelta(), hang)

    hang()
    guard.cloud.world.on_change.append(hang_again)


def _ec2_fails(story: Story) -> None:
    cloud = story.guard.cloud
    since = cloud.clock.elapsed
    until = since + BAD_WEATHER
    some = When(since=since, until=until, share=0.15)
    for fault in (
        ResponseLost(
            when=When(since=since, until=until, operations=frozenset({"RunInstances"}), most=2)
        ),
        RequestLost(when=some),
        ResponseLost(when=some),
        Throttled(when=some),
        ReadsGoBack(when=When(since=since, until=until), lag=timedelta(minutes=1)),
    ):
        cloud.add_fault(fault)
    web = story.occupant("web/0").id
    cloud.by_hand(Meddling.TERMINATE, web)
    story.declare_web(old=WEB_LATER, new=WEB_AT_LAST)
    story.narrator.chapter(f"4. EC2 itself fails, for {words.duration(BAD_WEATHER)}:")
    story.narrator.deeds(
        "requests are lost; answers are lost although the request was carried out; calls are throttled",
        "lists show each resource as it was up to a minute ago, sometimes as older than they showed it before",
        f"meanwhile {web}, the instance of web/0, is terminated, and the file says {WEB_AT_LAST} web servers",
    )
    story.narrator.chapter(
        "The controller must neither give up nor launch anything twice:",
        "`ambiguous` is a call that may have been carried out. It is sent again with the token of the first, by which "
        "EC2 knows it, until the answer arrives.",
    )
    before = cloud.plan.hits.copy()
    story.guarded(lasting=BAD_WEATHER)
    hits = cloud.plan.hits - before
    story.narrator.at(
        cloud.clock.now(),
        f"EC2 is well again; {_count(hits, 'F4')} requests and {_count(hits, 'F5')} answers were lost, "
        f"{_count(hits, 'F9')} calls throttled",
    )
    story.heal()


def _count(hits: Mapping[tuple[str, str], int], key: str) -> int:
    return sum(count for (fault, _), count in hits.items() if fault == key)


def _on_guard(story: Story) -> Claim:
    """An hour in which nothing happens, and so nothing must be done but the backups that the files ask for."""
    cloud = story.guard.cloud
    story.narrator.chapter(
        f"5. {words.duration(ON_GUARD)} more on guard, with nothing left to heal:"
    )
    before = cloud.gate.counts.copy()
    passes: list[Passed] = []
    for _ in range(ON_GUARD // TOLD_EVERY):
        passes += story.guard.passes(lasting=TOLD_EVERY)
        so_far = (cloud.gate.counts - before).total()
        story.narrator.at(cloud.clock.now(), f"{len(passes)} passes so far, {so_far} calls")
    made = cloud.gate.counts - before
    changing = {name: count for name, count in made.items() if not name.startswith(READING)}
    backups = sum(changing.pop(name, 0) for name in BACKUP_CALLS)
    blind = sum(1 for passed in passes if isinstance(passed, Blind))
    against = [f"{name} was called {count} times" for name, count in changing.items()]
    against += [f"{blind} passes could not look"] if blind else []
    apart = f", {backups} for backups apart" if backups else ""
    return Claim(
        text=f"in the last {words.duration(ON_GUARD)}, {len(passes)} passes made {sum(changing.values())} calls that "
        f"change anything{apart}",
        against=tuple(against),
    )


def _verdict(story: Story, quiet: Claim) -> int:
    """What was claimed, and what the truth says to it."""
    cloud = story.guard.cloud
    wanted = {f"web/{n}": {"team": "web"} for n in range(WEB_AT_LAST)}
    wanted |= {f"shared-postgres/{n}": {"team": "data"} for n in range(DATABASES)}
    lost = cloud.plan.hits["F5", "RunInstances"]
    changes = cloud.truth.changes
    claims = (
        truth.each_slot_is_filled(cloud.truth, wanted),
        truth.data_is_kept(cloud.truth, story.data),
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
