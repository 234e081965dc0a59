"""One action, or several alike, as lines a person reads: symbol, slot, what is done to which id, old → new, and why.

Alike actions that follow each other are told once when all they differ in is the slot and what is printed beside it,
so that nothing is hidden by the telling.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import assert_never

from providers.requests import (
    AttachVolume,
    CopySnapshot,
    CreateSnapshot,
    CreateSnapshots,
    DeleteCopy,
    DeleteSnapshot,
    DeleteVolume,
    DetachVolume,
    KeepVolumeOnTermination,
    LaunchInstance,
    LaunchVolume,
    RebootInstance,
    Request,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.planning.actions import Action, Change, Course, SlotRef
from reconciler.planning.identity import PREFIX
from reconciler.planning.outcome import Plan
from reconciler.surface import words
from reconciler.surface.layout import (
    GAP,
    Field,
    Line,
    Span,
    Style,
    fields,
    grid,
    line,
    wrapped,
)

INDENT = 6
OBVIOUS_COURSES = frozenset({Course.CREATE, Course.CORRECT, Course.REMOVE, Course.BACK_UP})
"""Courses whose name says no more than the action's own words."""


@dataclass(frozen=True, slots=True)
class Verb:
    """What a request does, in a symbol and a word."""

    symbol: str
    word: str
    style: Style


LAUNCH = Verb("+", "launch", Style.CREATE)
ATTACH = Verb("»", "attach", Style.CREATE)
START = Verb("▲", "start", Style.CREATE)
SNAPSHOT = Verb("◇", "snapshot", Style.CREATE)
COMMIT = Verb("✓", "commit", Style.CREATE)
CHANGE = Verb("~", "change in place", Style.CHANGE)
REBOOT = Verb("↻", "reboot", Style.DISRUPT)
STOP = Verb("▼", "stop", Style.DISRUPT)
DETACH = Verb("«", "detach", Style.DISRUPT)
TERMINATE = Verb("-", "terminate", Style.DISRUPT)
DELETE = Verb("†", "delete", Style.DISRUPT)
VERBS = (LAUNCH, ATTACH, START, SNAPSHOT, COMMIT, CHANGE, REBOOT, STOP, DETACH, TERMINATE, DELETE)
"""In the order of the legend: what makes, what changes, what takes away."""


@dataclass(frozen=True, slots=True)
class Described:
    """A request in words. `title` tells one, `many` several alike (`{n}` of them); `own` is what tells one apart."""

    verb: Verb
    title: str
    many: str
    own: str
    fields: tuple[tuple[str, str], ...] = ()


def verb_of(request: Request) -> Verb:
    """The verb of a request; the commit has its own although it is a tag."""
    return describe(request).verb


def describe(request: Request) -> Described:
    """A request in words, with every parameter that a reviewer would want to see."""
    match request:
        case LaunchInstance():
            return Described(
                LAUNCH,
                f"launch {request.type} in {request.zone}",
                f"launch {{n}} of {request.type}",
                f"{request.zone} ({request.subnet})",
                _launch_fields(request),
            )
        case TerminateInstance(instance_id=instance):
            return Described(
                TERMINATE, f"terminate {instance}", "terminate {n} instances", instance
            )
        case StopInstance(instance_id=instance, forced=forced):
            word = "force-stop" if forced else "stop"
            return Described(STOP, f"{word} {instance}", f"{word} {{n}} instances", instance)
        case StartInstance(instance_id=instance):
            return Described(START, f"start {instance}", "start {n} instances", instance)
        case RebootInstance(instance_id=instance):
            return Described(REBOOT, f"reboot {instance}", "reboot {n} instances", instance)
        case AttachVolume(volume_id=volume, instance_id=instance, device=device):
            return Described(
                ATTACH,
                f"attach {volume} to {instance} as {device}",
                f"attach {{n}} volumes as {device}",
                f"{volume} to {instance}",
            )
        case DetachVolume(volume_id=volume, instance_id=instance, device=device):
            return Described(
                DETACH,
                f"detach {volume} from {instance} ({device})",
                f"detach {{n}} volumes ({device})",
                f"{volume} from {instance}",
            )
        case (
            SetTags()
            | SetSecurityGroups()
            | KeepVolumeOnTermination()
            | SetMetadataOptions()
            | ResizeVolume()
        ):
            return _describe_change(request)
        case (
            CreateSnapshot() | CreateSnapshots() | DeleteSnapshot() | CopySnapshot() | DeleteCopy()
        ):
            return _describe_backup(request)
        case DeleteVolume(volume_id=volume):
            return Described(DELETE, f"delete {volume}", "delete {n} volumes", volume)
        case _:
            assert_never(request)


def _describe_backup(
    request: CreateSnapshot | CreateSnapshots | DeleteSnapshot | CopySnapshot | DeleteCopy,
) -> Described:
    match request:
        case CreateSnapshot(volume_id=volume):
            return Described(SNAPSHOT, f"snapshot {volume}", "snapshot {n} volumes", volume)
        case CreateSnapshots(instance_id=instance, volume_ids=volumes):
            together = f"{words.listed(volumes)} of {instance} together"
            many = "snapshot the volumes of {n} instances together"
            return Described(SNAPSHOT, f"snapshot {together}", many, together)
        case DeleteSnapshot(snapshot_id=snapshot):
            title, many = f"delete {snapshot}", "delete {n} snapshots"
            return Described(DELETE, title, many, snapshot)
        case CopySnapshot(snapshot_id=snapshot, to_region=region):
            title, many = f"copy {snapshot} to {region}", f"copy {{n}} snapshots to {region}"
            return Described(SNAPSHOT, title, many, snapshot)
        case DeleteCopy(snapshot_id=snapshot, region=region):
            title, many = f"delete {snapshot} in {region}", f"delete {{n}} copies in {region}"
            return Described(DELETE, title, many, snapshot)
        case _:
            assert_never(request)


def _describe_change(
    request: SetTags
    | SetSecurityGroups
    | KeepVolumeOnTermination
    | SetMetadataOptions
    | ResizeVolume,
) -> Described:
    match request:
        case SetTags(resource_id=resource, tags=tags, commit=commit):
            fields = tuple((key, f"→ {value}") for key, value in sorted(tags.items()))
            if commit:
                title, many = f"commit {resource} as the occupant", "commit {n} replacements"
                return Described(COMMIT, title, many, resource, fields)
            return Described(
                CHANGE, f"set tags of {resource}", "set tags of {n} resources", resource, fields
            )
        case SetSecurityGroups(instance_id=instance, security_groups=groups):
            return Described(
                CHANGE,
                f"set security groups of {instance}",
                "set security groups of {n} instances",
                instance,
                (("groups", f"→ {', '.join(groups)}"),),
            )
        case KeepVolumeOnTermination(instance_id=instance, volume_id=volume, device=device):
            return Described(
                CHANGE,
                f"keep {volume} ({device}) when {instance} is terminated",
                f"keep {{n}} volumes ({device}) when their instances are terminated",
                f"{volume} on {instance}",
            )
        case SetMetadataOptions(instance_id=instance):
            return Described(
                CHANGE,
                f"require IMDSv2 and show tags in metadata on {instance}",
                "require IMDSv2 and show tags in metadata on {n} instances",
                instance,
            )
        case ResizeVolume(volume_id=volume):
            return Described(
                CHANGE, f"modify {volume}", "modify {n} volumes", volume, _resize_fields(request)
            )
        case _:
            assert_never(request)


def _launch_fields(request: LaunchInstance) -> tuple[tuple[str, str], ...]:
    parts = [request.image, *request.security_groups]
    if request.instance_profile:
        parts.append(f"profile {request.instance_profile}")
    if request.user_data_sha256:
        parts.append(f"user data {request.user_data_sha256[:12]}")
    users = [
        f"{key}={value}"
        for key, value in sorted(request.tags.items())
        if not key.startswith(PREFIX)
    ]
    return (
        ("with", ", ".join(parts)),
        *(("volume", _launch_volume(volume)) for volume in request.volumes),
        *((("tags", ", ".join(users)),) if users else ()),
    )


def _launch_volume(volume: LaunchVolume) -> str:
    parts = [f"{volume.device} {volume.size_gib} GiB {volume.type}"]
    if volume.iops is not None:
        parts.append(f"{volume.iops} IOPS")
    if volume.throughput_mib_s is not None:
        parts.append(f"{volume.throughput_mib_s} MiB/s")
    parts.append("encrypted" if volume.encrypted else "not encrypted")
    if volume.kms_key_id:
        parts.append(f"key {volume.kms_key_id}")
    parts.append(f"from {volume.snapshot_id}" if volume.snapshot_id else "empty")
    return ", ".join(parts)


def _resize_fields(request: ResizeVolume) -> tuple[tuple[str, str], ...]:
    values = (
        ("size", f"→ {request.size_gib} GiB"),
        ("type", f"→ {request.type}"),
        ("iops", f"→ {request.iops}" if request.iops is not None else ""),
        (
            "throughput",
            f"→ {request.throughput_mib_s} MiB/s" if request.throughput_mib_s is not None else "",
        ),
    )
    return tuple((label, value) for label, value in values if value)


Steps = Mapping[str, tuple[str, ...]]
"""What follows an action in its slot's course, by operation id; without those that nothing follows."""


def steps_by_action(plan: Plan) -> Steps:
    """The steps to come of each slot, told once: after the last of its actions."""
    last = {action.slot: action.operation_id for action in plan.actions}
    return {
        last[outcome.slot]: outcome.to_come
        for outcome in plan.slots
        if outcome.to_come and outcome.slot in last
    }


def folded(actions: Sequence[Action], steps: Steps) -> list[tuple[Action, ...]]:
    """The actions in their order, with neighbours that read alike in one group."""

    def alike(action: Action) -> tuple[object, ...]:
        return likeness(action), steps.get(action.operation_id)

    return [tuple(group) for _, group in groupby(actions, key=alike)]


def likeness(action: Action) -> tuple[object, ...]:
    """Everything that the text of an action says but its slot and what tells it apart."""
    described = describe(action.request)
    return (
        described.many,
        described.fields,
        action.slot.fleet if action.slot else None,
        why(action),
        _suffix(action),
        action.changes,
    )


def action_lines(group: Sequence[Action], *, width: int, steps: Sequence[str] = ()) -> list[Line]:
    """A group of alike actions: its title and, indented below, its fields, its reason and the steps to come."""
    first = group[0]
    rows: list[Field] = [*field_rows(group), ("why", line(why(first))), *step_rows(steps)]
    return [
        *title_lines(
            verb_of(first.request),
            [action.slot for action in group],
            words_of(group),
            suffix=_suffix(first),
            width=width,
        ),
        *apart_lines(group, width=width),
        *fields(rows, width=width, indent=INDENT),
    ]


def step_rows(steps: Sequence[str]) -> list[Field]:
    """What follows, one step a line."""
    return [("" if at else "then", line(step)) for at, step in enumerate(steps)]


def title_lines(
    verb: Verb,
    refs: Sequence[SlotRef | None],
    what: str,
    *,
    suffix: str = "",
    width: int,
) -> list[Line]:
    """`+ web/3  launch m6i.large in use1-az1`, with an aside dimmed behind it."""
    where = Span(words.slots(refs), Style.STRONG)
    head = line(GAP, Span(verb.symbol, verb.style), " ", where, GAP)
    aside = (Span(f" {suffix}", Style.DIM),) if suffix else ()
    return wrapped((Span(what, verb.style), *aside), width=width, first=head, indent=INDENT)


def words_of(group: Sequence[Action]) -> str:
    """What a group of alike actions does, in one clause."""
    described = describe(group[0].request)
    return described.title if len(group) == 1 else described.many.format(n=len(group))


def field_rows(group: Sequence[Action]) -> list[Field]:
    """What all of a group share: old → new of what changes, and everything that a launch is made of."""
    action = group[0]
    described = describe(action.request)
    told = [(label, line(value)) for label, value in described.fields]
    if isinstance(action.request, LaunchInstance):
        where = [("where", line(action.request.subnet))] if len(group) == 1 else []
        replaced = [_changed(item) for item in action.changes if item.old is not None]
        return [*where, *told, *replaced]
    return [_changed(item) for item in action.changes] or told


def _changed(change: Change) -> Field:
    old = "(none)" if change.old is None else change.old
    new = "(none)" if change.new is None else change.new
    return change.field, line(old, " → ", Span(new, Style.CHANGE))


def apart_lines(group: Sequence[Action], *, width: int) -> list[Line]:
    """Which slot gets what: a grid where each is one of a kind, else the slots of each kind; nothing for one."""
    if len(group) == 1:
        return []
    kinds: dict[str, list[SlotRef | None]] = {}
    for action in group:
        kinds.setdefault(describe(action.request).own, []).append(action.slot)
    if len(kinds) == len(group):
        cells = [f"{words.slots(refs)} {own}" for own, refs in kinds.items()]
        return grid(cells, width=width, indent=INDENT)
    lines: list[Line] = []
    for own, refs in sorted(kinds.items()):
        head = line(Span(" " * INDENT + own + GAP, Style.PLAIN))
        lines += wrapped(line(words.slots(refs)), width=width, first=head)
    return lines


def why(action: Action) -> str:
    """The reason of an action as a clause, with its detail."""
    reason = words.REASONS[action.reason]
    return f"{reason}: {action.detail}" if action.detail else reason


def _suffix(action: Action) -> str:
    parts = []
    if action.course not in OBVIOUS_COURSES:
        parts.append(words.COURSES[action.course])
    if action.claim:
        parts.append(f"claim {action.claim}")
    if isinstance(action.request, LaunchInstance) and action.incarnation > 1:
        parts.append(f"incarnation {action.incarnation}")
    if action.attempt > 1:
        parts.append(f"attempt {action.attempt}")
    return f"({', '.join(parts)})" if parts else ""
