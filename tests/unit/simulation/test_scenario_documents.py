"""Scenario documents: read strictly, with everything that is wrong at its place, and as the schema says."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from desired_state.load import DesiredStateError
from providers.simulated import faults, outages
from providers.simulated.faults import When
from reconciler.simulation.scenario import (
    SCENARIOS,
    DeclaredChange,
    Phase,
    Scenario,
    load_scenario,
    shipped_scenarios,
)
from reconciler.simulation.scenario_document import KEYS
from reconciler.simulation.scenario_schema import (
    SCENARIO_SCHEMA_FILE,
    scenario_schema,
    scenario_schema_text,
)
from tests.support.repository import ROOT

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)

QUIET = """\
apiVersion: reconciler/v1
kind: Scenario
metadata:
  name: quiet
spec:
  title: Nothing much
  summary: One fault.
  sources: [Made up]
  beginsAt: 2026-03-02T09:00:00Z
  lasts: 2h
  phases:
    - {name: all of it, from: 0s, to: 2h, said: So it is.}
  faults:
    - {from: 5m, to: 1h30m, zones: [A], zonePartitioned: {}}
"""

EVERY_WORD = """\
apiVersion: reconciler/v1
kind: Scenario
metadata: {name: every-word}
spec:
  title: Every word
  summary: Each once.
  sources: [Made up]
  beginsAt: 2026-03-02T09:00:00Z
  lasts: 1d
  phases:
    - {name: one, from: 0s, to: 1h, said: First.}
    - {name: two, from: 30m, to: 2h, said: Second.}
  faults:
    - from: 0s
      to: 1h
      zones: [A]
      volumesStuck:
        curve: [{at: 0s, stuck: 0%}, {at: 12m, stuck: 13%}, {at: 1h, stuck: 0.07%}]
        lost: 0.07%
        roots: true
    - {from: 0s, to: 1h, share: 5%, volumesSick: {io: slow}}
    - {from: 0s, to: 1h, zones: [B, C], instancesSick: {guest: hung}}
    - {from: 0s, to: 1h, zones: [A], share: 50%, stopsStuck: {}}
    - {from: 0s, to: 1h, zones: [D], flapping: {guest: dead, badFor: 3m, goodFor: 5m}}
    - {from: 0s, to: 1h, zones: [A], zoneDown: {lists: fail}}
    - {from: 0s, to: 1h, zones: [A], zoneControlOff: {}}
    - {from: 0s, to: 1h, zones: [A], zonePartitioned: {}}
    - {from: 0s, to: 1h, zones: [A], operations: [CreateVolume], operationsOff: {answer: none}}
    - {from: 0s, to: 1h, share: 90%, callsFail: {slower: 20, afterEffect: 10%}}
    - {from: 0s, to: 1h, operations: [RunInstances], callsThrottled: {}}
    - {from: 0s, to: 1h, capacityShort: {types: [m6i.large]}}
    - {from: 0s, to: 1h, share: 60%, launchesDie: {code: Server.SpotInstanceTermination}}
    - {from: 0s, to: 1h, launchesOffline: {least: 5m, most: 1h, checks: impaired}}
    - {from: 0s, to: 1h, monitoringOff: {}}
    - {from: 0s, to: 1h, otherLoad: {calls: 150}}
    - {from: 0s, to: 1h, snapshotsFail: {}}
    - {from: 0s, to: 1h, byHand: {what: stop, every: 5m}}
  declare:
    - {at: 10m, fleet: web, image: ami-0badbadbadbadbad0, proves: unknown}
    - {at: 20m, fleet: largest, userData: exit 1, proves: silent}
"""


def load_text(text: str, folder: Path) -> Scenario:
    path = folder / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return load_scenario(str(path))


def refusal_of(text: str, folder: Path) -> str:
    with pytest.raises(DesiredStateError) as refused:
        load_text(text, folder)
    return str(refused.value)


def with_change(old: str, new: str) -> str:
    assert QUIET.count(old) == 1, old
    return QUIET.replace(old, new)


# What a document says.


def test_a_scenario_is_what_was_written(tmp_path: Path) -> None:
    assert load_text(QUIET, tmp_path) == Scenario(
        name="quiet",
        title="Nothing much",
        summary="One fault.",
        sources=("Made up",),
        begins_at=datetime(2026, 3, 2, 9, tzinfo=UTC),
        lasts=2 * HOUR,
        faults=(
            faults.ZonePartitioned(
                when=When(since=5 * MINUTE, until=90 * MINUTE, zones=frozenset("A"))
            ),
        ),
        phases=(Phase(name="all of it", since=timedelta(), until=2 * HOUR, said="So it is."),),
    )


def test_a_scenario_that_is_cut_ends_then_with_the_phases_that_have_begun(tmp_path: Path) -> None:
    whole = load_text(EVERY_WORD, tmp_path)

    cut = whole.cut(90 * MINUTE)

    assert cut.lasts == 90 * MINUTE
    assert [(phase.name, phase.until) for phase in cut.phases] == [
        ("one", HOUR),
        ("two", 90 * MINUTE),
    ]
    assert [phase.name for phase in whole.cut(30 * MINUTE).phases] == ["one"]
    assert cut.faults == whole.faults
    assert whole.cut(30 * HOUR) == whole


def test_every_word_becomes_its_fault(tmp_path: Path) -> None:
    scenario = load_text(EVERY_WORD, tmp_path)

    def when(zones: str = "", **more: Any) -> When:
        found = frozenset(zones) if zones else None
        return When(since=timedelta(), until=HOUR, zones=found, **more)

    def point(minutes: int, share: float) -> outages.StuckShare:
        return outages.StuckShare(at=minutes * MINUTE, share=pytest.approx(share))  # type: ignore[arg-type]

    assert scenario.faults == (
        outages.VolumesStuck(
            when=when("A"),
            curve=(point(0, 0.0), point(12, 0.13), point(60, 0.0007)),
            lost=pytest.approx(0.0007),  # type: ignore[arg-type]
            roots=True,
        ),
        faults.VolumesSick(when=when(share=0.05), io="slow"),
        faults.InstancesSick(when=when("BC"), guest="hung"),
        outages.StopsStuck(when=when("A", share=0.5)),
        outages.Flapping(when=when("D"), guest="dead", bad_for=3 * MINUTE, good_for=5 * MINUTE),
        faults.ZoneDisrupted(when=when("A"), lists_by_zone=False),
        faults.ZoneDisrupted(when=when("A"), instances_down=False),
        faults.ZonePartitioned(when=when("A")),
        outages.OperationsOff(
            when=when("A", operations=frozenset({"CreateVolume"})), times_out=True
        ),
        faults.Brownout(when=when(share=0.9), slower=20.0, after_effect=0.1),
        faults.Throttled(when=when(operations=frozenset({"RunInstances"}))),
        faults.CapacityShort(when=when(), types=frozenset({"m6i.large"})),
        faults.LaunchDies(when=when(share=0.6), code="Server.SpotInstanceTermination"),
        outages.NetworkLate(when=when(), least=5 * MINUTE, most=HOUR, guest="unreachable"),
        outages.MonitoringOff(when=when()),
        faults.RegionSaturated(when=when(), others=150),
        faults.SnapshotFails(when=when()),
        faults.ByHand(when=when(), what=faults.Meddling.STOP, every=5 * MINUTE),
        outages.ImageUnknown(
            when=When(since=10 * MINUTE), images=frozenset({"ami-0badbadbadbadbad0"})
        ),
        outages.ServiceSilent(when=When(since=20 * MINUTE), user_data=frozenset({"exit 1"})),
    )
    assert scenario.declared_changes == (
        DeclaredChange(at=10 * MINUTE, fleet="web", image="ami-0badbadbadbadbad0"),
        DeclaredChange(at=20 * MINUTE, fleet="largest", user_data="exit 1"),
    )


def test_no_word_is_missing_above() -> None:
    (written,) = [item for item in [yaml.safe_load(EVERY_WORD)] if item]
    used = {key for fault in written["spec"]["faults"] for key in fault}
    assert used - {"from", "to", "zones", "share", "operations"} == set(KEYS.values())


# What is wrong with one.


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("kind: Scenario", "kind: Scenarios", ":2:7: error: `kind` must be `Scenario`"),
        ("lasts: 2h", "last: 2h", "did you mean `lasts`?"),
        (
            "lasts: 2h",
            "lasts: 2",
            "must be a time such as 0s, 90m, 1h53m or 2d12h, not the number 2",
        ),
        ("lasts: 2h", "lasts: soon", ":10:10: error: `spec.lasts` must be a time"),
        ("09:00:00Z", "09:00", "`spec.beginsAt` must be a date and time in UTC"),
        ("2026-03-02", "2026-02-30", "`spec.beginsAt` must be a date and time in UTC"),
        ("[Made up]", "[]", "`spec.sources` must not be empty"),
        ("from: 5m", "from: 90m", "`spec.faults[0].to` must be after `from`, 1h30m, not 1h30m"),
        ("to: 1h30m", "to: 3h", "`spec.faults[0].to` must be at most `spec.lasts`, 2h, not 3h"),
        ("to: 2h, said", "to: 3h, said", "`spec.phases[0].to` must be at most `spec.lasts`"),
        ("zones: [A]", "zones: [E]", "must be `A`, `B`, `C` or `D`, not"),
        ("zones: [A], ", "", "`spec.faults[0]` needs `zones` with `zonePartitioned`"),
        ("zonePartitioned: {}", "zonePartioned: {}", "did you mean `zonePartitioned`?"),
        (", zonePartitioned: {}", "", "`spec.faults[0]` must say what happens"),
        (
            "zonePartitioned: {}",
            "zonePartitioned: {}, monitoringOff: {}",
            "`spec.faults[0].monitoringOff` cannot stand beside `zonePartitioned`",
        ),
        (
            "zones: [A]",
            "zones: [A], share: 10%",
            "`spec.faults[0].share` says nothing of `zonePartitioned`",
        ),
        (
            "zonePartitioned: {}",
            "operations: [CreateVolumes], operationsOff: {}",
            "did you mean `CreateVolume`?",
        ),
        ("zonePartitioned: {}", "operationsOff: {}", "needs `operations` with `operationsOff`"),
        (
            "zonePartitioned: {}",
            "volumesStuck: {curve: [{at: 10m, stuck: 5%}, {at: 9m, stuck: 0%}]}",
            "`spec.faults[0].volumesStuck.curve[1].at` is 9m, which cannot come after 10m",
        ),
        (
            "zonePartitioned: {}",
            "volumesStuck: {curve: [{at: 1m, stuck: 5%}]}",
            "`spec.faults[0].volumesStuck.curve[0].at` must be from `from` to `to`, not 1m",
        ),
        (
            "zonePartitioned: {}",
            "volumesStuck: {curve: [{at: 10m, stuck: 5%}], lost: 6%}",
            "`spec.faults[0].volumesStuck.lost` must be at most the last share of `curve`, 5%",
        ),
        (
            "zonePartitioned: {}",
            "launchesOffline: {least: 2h, most: 1h}",
            "`spec.faults[0].launchesOffline.most` must be at least `least`, 2h, not 1h",
        ),
    ],
)
def test_what_is_wrong_is_told_at_its_place(old: str, new: str, said: str, tmp_path: Path) -> None:
    refusal = refusal_of(with_change(old, new), tmp_path)
    assert said in refusal
    assert "^" in refusal


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    text = QUIET.replace("2h\n", "2\n").replace("[A]", "[Z]").replace("title:", "titel:")
    refusal = refusal_of(text, tmp_path)
    for part in ("`spec.lasts`", "`spec.faults[0].zones[0]`", "titel", "`spec.title` is missing"):
        assert part in refusal


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ("{at: 1m, fleet: web, proves: silent}", "must have `image` or `userData`"),
        ("{at: 1m, fleet: web, userData: x, proves: unknown}", "cannot be `unknown` without"),
        ("{at: 3h, fleet: web, userData: x, proves: silent}", "must be at most `spec.lasts`"),
    ],
)
def test_a_declared_change_that_says_too_little_is_refused(
    change: str, said: str, tmp_path: Path
) -> None:
    assert said in refusal_of(f"{QUIET}  declare:\n    - {change}\n", tmp_path)


def test_phases_are_in_order(tmp_path: Path) -> None:
    text = EVERY_WORD.replace("from: 30m, to: 2h", "from: 0s, to: 2h").replace(
        "name: one, from: 0s", "name: one, from: 1m"
    )
    assert "`spec.phases[1].from` must not be before the phase above begins" in refusal_of(
        text, tmp_path
    )


def test_a_file_holds_one_scenario(tmp_path: Path) -> None:
    assert "must hold one Scenario, not 2 documents" in refusal_of(f"{QUIET}---\n{QUIET}", tmp_path)
    assert "must hold one Scenario, not 0 documents" in refusal_of("", tmp_path)


def test_a_name_that_is_unknown_is_answered_with_those_that_are() -> None:
    with pytest.raises(DesiredStateError, match="did you mean `us-east-1-2011-04-21`"):
        load_scenario("us-east-1-2011-04-12")
    with pytest.raises(DesiredStateError, match="there are api-brown-out, "):
        load_scenario("x")


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DesiredStateError, match=r"gone\.yaml"):
        load_scenario(str(tmp_path / "gone.yaml"))


# The schema.


def complaints(document: str) -> list[str]:
    validator = Draft202012Validator(json.loads(SCENARIO_SCHEMA_FILE.read_text(encoding="utf-8")))
    return [error.message for error in validator.iter_errors(_plain(yaml.safe_load(document)))]


def _plain(value: Any) -> Any:
    """Dates are text in this YAML."""
    if isinstance(value, datetime):
        return f"{value.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def test_the_committed_schema_is_what_the_models_generate() -> None:
    assert SCENARIO_SCHEMA_FILE.read_text(encoding="utf-8") == scenario_schema_text(), "make schema"
    Draft202012Validator.check_schema(scenario_schema())


@pytest.mark.parametrize("name", shipped_scenarios())
def test_the_schema_accepts_what_is_shipped_and_editors_are_led_to_it(name: str) -> None:
    path = SCENARIOS / f"{name}.yaml"
    text = path.read_text(encoding="utf-8")
    assert complaints(text) == []
    first = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
    assert (path.parent / first).resolve() == SCENARIO_SCHEMA_FILE.resolve()


def test_the_schema_accepts_every_word() -> None:
    assert complaints(EVERY_WORD) == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("lasts: 2h", "last: 2h"),
        ("lasts: 2h", "lasts: soon"),
        ("zones: [A]", "zones: [E]"),
        (", zonePartitioned: {}", ""),
        ("zonePartitioned: {}", "zonePartitioned: {}, monitoringOff: {}"),
        ("zonePartitioned: {}", "operations: [CreateVolumes], operationsOff: {}"),
    ],
)
def test_the_schema_refuses_what_is_refused(old: str, new: str) -> None:
    assert complaints(with_change(old, new))


def test_every_key_is_described() -> None:
    definitions = scenario_schema()["$defs"]
    assert [name for name, node in definitions.items() if not node.get("description")] == []
    assert [
        f"{name}.{key}"
        for name, node in definitions.items()
        for key, field in node.get("properties", {}).items()
        if not {"description", "$ref"} & set(field)
    ] == []


# The vocabulary that people read.


def test_every_word_and_key_is_in_the_vocabulary() -> None:
    text = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    definitions = scenario_schema()["$defs"]
    keys = {key for node in definitions.values() for key in node.get("properties", {})}
    told = re.findall(r"`([A-Za-z]+)(?:: [a-z]+)?`", text)
    assert sorted(keys - set(told)) == []


def test_every_shipped_scenario_is_in_the_vocabulary() -> None:
    text = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    assert [name for name in shipped_scenarios() if f"`{name}`" not in text] == []


def test_the_example_in_the_vocabulary_is_valid(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "scenarios.md").read_text(encoding="utf-8")
    example = text.split("```yaml\n", 1)[1].split("```", 1)[0]
    assert load_text(example, tmp_path).name == "slow-day"
