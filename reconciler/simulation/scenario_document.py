"""`kind: Scenario`: an outage as people write it down."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, WithJsonSchema, model_validator

from desired_state.documents.document import ApiVersion, Document, Problem, refuse
from desired_state.documents.fields import FleetName, ImageId, Percent, UniqueList
from desired_state.reading.diagnostics import did_you_mean, one_of, quoted
from providers.simulated import outages
from providers.simulated.faults import Fault, When
from providers.simulated.parameters import TAKES
from reconciler.simulation import troubles
from reconciler.simulation.moments import Date, Moment, written

OPERATIONS = tuple(sorted(TAKES))


def _check_operation(value: str) -> str:
    if value not in OPERATIONS:
        message = f"must be an operation of EC2 or CloudWatch, not {quoted(value)}"
        refuse([Problem(message=message, hint=did_you_mean(value, OPERATIONS))])
    return value


Role = Literal["A", "B", "C", "D"]
Operation = Annotated[
    str,
    AfterValidator(_check_operation),
    WithJsonSchema({"type": "string", "enum": list(OPERATIONS)}),
]
Sentence = Annotated[str, StringConstraints(min_length=1, max_length=2000)]


class PhaseDocument(Document):
    """A part of the outage, as reports show it."""

    name: Sentence = Field(description="A few words.")
    since: Moment = Field(alias="from", description="Counted from the beginning.")
    to: Moment = Field(description="Counted from the beginning.")
    said: Sentence = Field(description="One sentence: what was so then.")

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(_span_problems(self))
        return self


class TroubleDocument(Document):
    """Something that goes wrong for a while. Exactly one key says what."""

    since: Moment = Field(alias="from", description="Counted from the beginning.")
    to: Moment = Field(description="Counted from the beginning.")
    zones: UniqueList[Role] | None = Field(
        default=None, min_length=1, description="A has most slots, and so on. Default: all zones."
    )
    share: Percent | None = Field(
        default=None, description="Of the occasions, or of what is there. Default: 100%."
    )
    operations: UniqueList[Operation] | None = Field(
        default=None, min_length=1, description="Of these calls only. Default: all."
    )
    volumes_stuck: troubles.VolumesStuck | None = None
    volumes_sick: troubles.VolumesSick | None = None
    instances_sick: troubles.InstancesSick | None = None
    stops_stuck: troubles.StopsStuck | None = None
    flapping: troubles.Flapping | None = None
    zone_down: troubles.ZoneDown | None = None
    zone_control_off: troubles.ZoneControlOff | None = None
    zone_partitioned: troubles.ZonePartitioned | None = None
    operations_off: troubles.OperationsOff | None = None
    calls_fail: troubles.CallsFail | None = None
    calls_throttled: troubles.CallsThrottled | None = None
    capacity_short: troubles.CapacityShort | None = None
    launches_die: troubles.LaunchesDie | None = None
    launches_offline: troubles.LaunchesOffline | None = None
    monitoring_off: troubles.MonitoringOff | None = None
    other_load: troubles.OtherLoad | None = None
    snapshots_fail: troubles.SnapshotsFail | None = None
    by_hand: troubles.ByHand | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse([*_span_problems(self), *_word_problems(self)])
        return self

    def fault(self) -> Fault:
        """As a fault of the simulated cloud; its zones are roles."""
        when = When(
            since=self.since,
            until=self.to,
            zones=None if self.zones is None else frozenset(self.zones),
            operations=None if self.operations is None else frozenset(self.operations),
            share=1.0 if self.share is None else self.share / 100,
        )
        (word,) = self.words
        fault: Fault = getattr(self, word).fault(when)
        return fault

    @property
    def words(self) -> list[str]:
        """The fields that say what goes wrong; a valid document has one."""
        return [name for name in WORDS if getattr(self, name) is not None]


_COMMON = ("since", "to", "zones", "share", "operations")
WORDS = tuple(name for name in TroubleDocument.model_fields if name not in _COMMON)
KEYS = {name: TroubleDocument.model_fields[name].alias or name for name in WORDS}
"""As they are written."""

ZONES_NEEDED = ("zone_down", "zone_control_off", "zone_partitioned", "volumes_stuck")
ZONES_UNUSED = ("other_load",)
SHARE_UNUSED = (
    "volumes_stuck",
    "zone_down",
    "zone_control_off",
    "zone_partitioned",
    "monitoring_off",
    "other_load",
)
OPERATIONS_NEEDED = ("operations_off",)
OPERATIONS_USED = ("operations_off", "calls_fail", "calls_throttled")


def _span_problems(document: PhaseDocument | TroubleDocument) -> Iterator[Problem]:
    if document.to <= document.since:
        message = f"must be after `from`, {written(document.since)}, not {written(document.to)}"
        yield Problem(message=message, at=("to",))


def _word_problems(trouble: TroubleDocument) -> Iterator[Problem]:
    found = trouble.words
    if not found:
        yield Problem(message="must say what happens", hint=f"one of {one_of(list(KEYS.values()))}")
    elif len(found) > 1:
        for word in found[1:]:
            message = f"cannot stand beside `{KEYS[found[0]]}`"
            yield Problem(message=message, at=(KEYS[word],), hint="write a fault for each")
    else:
        yield from _common_key_problems(trouble, found[0])
        yield from _curve_problems(trouble)


def _common_key_problems(trouble: TroubleDocument, word: str) -> Iterator[Problem]:
    key = KEYS[word]
    if trouble.zones is None and word in ZONES_NEEDED:
        yield Problem(message=f"needs `zones` with `{key}`")
    if trouble.operations is None and word in OPERATIONS_NEEDED:
        yield Problem(message=f"needs `operations` with `{key}`")
    unused = (
        ("zones", trouble.zones is not None and word in ZONES_UNUSED),
        ("share", trouble.share is not None and word in SHARE_UNUSED),
        ("operations", trouble.operations is not None and word not in OPERATIONS_USED),
    )
    for name, is_unused in unused:
        if is_unused:
            yield Problem(message=f"says nothing of `{key}`", at=(name,), hint="remove it")


def _curve_problems(trouble: TroubleDocument) -> Iterator[Problem]:
    for index, point in enumerate(trouble.volumes_stuck.curve if trouble.volumes_stuck else ()):
        if not trouble.since <= point.at <= trouble.to:
            message = f"must be from `from` to `to`, not {written(point.at)}"
            yield Problem(message=message, at=("volumesStuck", "curve", index, "at"))


class ChangeDocument(Document):
    """Somebody changes what is declared of a fleet."""

    at: Moment = Field(description="Counted from the beginning.")
    fleet: FleetName = Field(
        description="A fleet's name, `largest`, or `largest-stateless`, in which no slot has volumes."
    )
    image: ImageId | None = Field(default=None, description="The new image.")
    user_data: Sentence | None = Field(default=None, description="The new user data, as text.")
    proves: Literal["silent", "unknown"] = Field(
        description="silent: it runs and its service never answers; unknown: nobody has that image."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse(self._problems())
        return self

    def _problems(self) -> Iterator[Problem]:
        if self.image is None and self.user_data is None:
            yield Problem(message="must have `image` or `userData`")
        if self.proves == "unknown" and self.image is None:
            yield Problem(message="cannot be `unknown` without `image`", at=("proves",))

    def fault(self) -> Fault:
        """What the simulated cloud makes of it."""
        when = When(since=self.at)
        images = frozenset({self.image} if self.image else ())
        if self.proves == "unknown":
            return outages.ImageUnknown(when=when, images=images)
        user_data = frozenset({self.user_data} if self.user_data else ())
        return outages.ServiceSilent(when=when, images=images, user_data=user_data)


class ScenarioSpec(Document):
    """All times count from the beginning of the trouble."""

    title: Sentence = Field(description="One line.")
    summary: Sentence = Field(description="What happens, and what is left out.")
    sources: UniqueList[Sentence] = Field(
        min_length=1, description="Where it is written, or that it is made up."
    )
    begins_at: Date = Field(description="When it began, or some date.")
    lasts: Moment = Field(description="To the end of what is told; the replay goes on after it.")
    phases: list[PhaseDocument] = Field(
        min_length=1, max_length=100, description="In order of their beginning."
    )
    faults: list[TroubleDocument] = Field(
        default=[], max_length=500, description="What goes wrong. Default: nothing."
    )
    declare: list[ChangeDocument] = Field(
        default=[], max_length=50, description="What is declared meanwhile. Default: nothing."
    )

    @model_validator(mode="after")
    def _check(self) -> Self:
        refuse([*self._late(), *self._disordered()])
        return self

    def _late(self) -> Iterator[Problem]:
        ends = [
            *((("phases", index, "to"), phase.to) for index, phase in enumerate(self.phases)),
            *((("faults", index, "to"), fault.to) for index, fault in enumerate(self.faults)),
            *((("declare", index, "at"), change.at) for index, change in enumerate(self.declare)),
        ]
        for at, moment in ends:
            if moment > self.lasts:
                message = f"must be at most `spec.lasts`, {written(self.lasts)}"
                yield Problem(message=f"{message}, not {written(moment)}", at=at)

    def _disordered(self) -> Iterator[Problem]:
        for index in range(1, len(self.phases)):
            if self.phases[index].since < self.phases[index - 1].since:
                at = ("phases", index, "from")
                yield Problem(message="must not be before the phase above begins", at=at)


class ScenarioMetadata(Document):
    """What it is called."""

    name: FleetName = Field(description="By which `reconciler simulate` finds it.")


class ScenarioDocument(Document):
    """An outage to be replayed against a desired state."""

    api_version: ApiVersion
    kind: Literal["Scenario"]
    metadata: ScenarioMetadata = Field(description="What it is called.")
    spec: ScenarioSpec = Field(description="All times count from the beginning of the trouble.")
