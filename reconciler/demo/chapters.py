"""The chapters of the demo in virtual time, in the order in which they are told; each does what it tells.

bring_up → people_meddle → machines_fail → volumes_stall → ec2_fails → on_guard
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

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
from providers.simulated.records import Guest, Instance, Io
from reconciler.demo import truth
from reconciler.demo.story import Story
from reconciler.demo.truth import Claim, Stall
from reconciler.simulation.guard import Blind, Passed, VirtualGuard
from reconciler.surface import words

WEB, WEB_LATER, WEB_AT_LAST, DATABASES = 6, 5, 8, 3
STUCK, STALLED_A_WHILE = "shared-postgres/1", "shared-postgres/0"
CALM, A_WHILE, LOOKED_AT = timedelta(minutes=6), timedelta(minutes=12), timedelta(minutes=8)
BAD_WEATHER = timedelta(minutes=20)
ON_GUARD, TOLD_EVERY = timedelta(hours=1), timedelta(minutes=15)
BACKUP_CALLS = ("CreateSnapshot", "CreateSnapshots", "DeleteSnapshot", "CopySnapshot")


def bring_up(story: Story) -> None:
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


def people_meddle(story: Story) -> None:
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


def machines_fail(story: Story) -> None:
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


def volumes_stall(story: Story) -> None:
    """Two volumes stall at one moment. Nobody can know that only one of them will ever answer again."""
    guard = story.guard
    story.narrator.chapter("4. Volumes stop answering:")
    story.guarded(lasting=CALM)
    for slot in (STUCK, STALLED_A_WHILE):
        holder = story.occupant(slot)
        (volume,) = truth.data_volumes(holder).values()
        guard.cloud.make_sick(volume, Io.STALLED)
        story.stalls[slot] = Stall(
            slot=slot,
            volume_id=volume,
            lineage=guard.cloud.truth.volumes[volume].data.lineage,
            instance_id=holder.id,
        )
    back = story.stalls[STALLED_A_WHILE].volume_id
    guard.cloud.clock.after(A_WHILE, lambda: guard.cloud.make_sick(back, Io.NORMAL))
    story.narrator.deeds(
        f"{story.stalls[STUCK].volume_id}, the volume of {STUCK}, stalls: reads and writes wait, for ever",
        f"{back}, the volume of {STALLED_A_WHILE}, stalls at the same moment, but serves again in "
        f"{words.duration(A_WHILE)}",
    )
    story.narrator.chapter(
        "Nobody can know which of them comes back, so the controller waits for neither:",
        "A stop and a start would help if the host were at fault. Once EC2 or CloudWatch name the volume, a copy of "
        "each is prepared from the newest good snapshot, and the loss is stated. The copy takes over only "
        "when the trouble has lasted as long as the file says "
        "(`cutoverAfter`, 20 min unless told otherwise).",
    )
    story.guarded(lasting=LOOKED_AT)
    story.narrator.chapter(f"{words.duration(LOOKED_AT)} after the stall:")
    story.narrator.standing(guard.look().plan, (STALLED_A_WHILE, STUCK))
    story.narrator.chapter(
        "The first to answer keeps its own volume; the other one's copy takes over:"
    )
    story.heal()


def ec2_fails(story: Story) -> None:
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
    story.narrator.chapter(f"5. EC2 itself fails, for {words.duration(BAD_WEATHER)}:")
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


def on_guard(story: Story) -> Claim:
    """An hour in which nothing happens, and so nothing must be done but the backups that the files ask for."""
    cloud = story.guard.cloud
    story.narrator.chapter(
        f"6. {words.duration(ON_GUARD)} more on guard, with nothing left to heal:"
    )
    before, kept = cloud.gate.counts.copy(), truth.copies_that_were_not_needed(cloud.truth)
    held = set(cloud.truth.volumes)
    passes: list[Passed] = []
    for _ in range(ON_GUARD // TOLD_EVERY):
        passes += story.guard.passes(lasting=TOLD_EVERY)
        so_far = (cloud.gate.counts - before).total()
        story.narrator.at(cloud.clock.now(), f"{len(passes)} passes so far, {so_far} calls")
    made = cloud.gate.counts - before
    changing = {name: count for name, count in made.items() if not name.startswith(READING)}
    backups = sum(changing.pop(name, 0) for name in BACKUP_CALLS)
    ended = held - set(cloud.truth.volumes)
    if ended <= kept and changing.get("DeleteVolume") == len(ended):
        del changing["DeleteVolume"]
    blind = sum(1 for passed in passes if isinstance(passed, Blind))
    against = [f"{name} was called {count} times" for name, count in changing.items()]
    against += [f"{blind} passes could not look"] if blind else []
    apart = f", {backups} for backups apart" if backups else ""
    if ended <= kept:
        apart += "".join(
            f"; {key}, a copy that was not needed, was let go" for key in sorted(ended)
        )
    return Claim(
        text=f"in the last {words.duration(ON_GUARD)}, {len(passes)} passes made {sum(changing.values())} calls that "
        f"change anything{apart}",
        against=tuple(against),
    )
