"""Properties of reading desired state: whatever the files hold, the answer is a desired state or one clear error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from desired_state.load import DesiredStateError, load
from desired_state.model import (
    Archive,
    Backup,
    Claim,
    DesiredState,
    Fleet,
    HealthSpec,
    HttpProbe,
    InstanceSpec,
    LadderStep,
    Mode,
    Placement,
    RepairSpec,
    ReplacementLimit,
    ServeWhen,
    Share,
    SnapshotSchedule,
    SourcePosition,
    SsmImage,
    TcpProbe,
    UpdateStrategy,
)
from desired_state.reading.diagnostics import printable
from desired_state.reading.quantities import format_duration, format_percent, format_size
from desired_state.user_data import hashed

FEW = settings(max_examples=60, deadline=None)
MANY = settings(max_examples=200, deadline=None)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fleets")


# --- Fleets, and how people would write them -------------------------------------------------------------------------

NAMES = st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?", fullmatch=True)
DURATIONS = st.builds(
    lambda number, unit: timedelta(**{unit: number}),
    st.integers(1, 99),
    st.sampled_from(["seconds", "minutes", "hours", "days"]),
)
ZONES = st.lists(
    st.sampled_from(["use1-az1", "use1-az2", "use1-az4", "use1-az6"]), min_size=1, unique=True
)
TAG_KEYS = st.from_regex(r"[A-Za-z0-9+\-=,_@]{1,30}", fullmatch=True)
TAG_VALUES = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), max_size=30)
SCRIPTS = TAG_VALUES.map(lambda line: f"#!/bin/sh\n# {line}\n")


def probes() -> st.SearchStrategy[TcpProbe | HttpProbe]:
    seconds = st.integers(2, 30).map(lambda number: timedelta(seconds=number))
    timing = {
        "port": st.integers(1, 65535),
        "interval": seconds,
        "timeout": st.just(timedelta(seconds=2)),
        "threshold": st.integers(1, 5),
    }
    return st.builds(TcpProbe, kind=st.just("tcp"), **timing) | st.builds(
        HttpProbe, kind=st.just("http"), path=st.sampled_from(["/", "/healthz?deep=1"]), **timing
    )


@st.composite
def backups(draw: st.DrawFn) -> Backup:
    every = timedelta(minutes=draw(st.integers(5, 600)))
    keep = {"all": 2 * every, "daily": timedelta(days=draw(st.integers(2, 90)))}
    archive = Archive(tool="wal-g", url="s3://backups/{fleet}/{slot}/{incarnation}")
    return Backup(
        snapshots=SnapshotSchedule(every=every, keep=keep),
        archive=draw(st.sampled_from([None, archive])),
        max_loss=2 * every + timedelta(minutes=draw(st.integers(10, 60))),
        copy_to=draw(st.sampled_from([None, "us-west-2"])),
    )


@st.composite
def claims(draw: st.DrawFn, index: int) -> Claim:
    iops = draw(st.none() | st.integers(3000, 80000))
    return Claim(
        name=f"claim-{index}",
        device=f"/dev/sd{'fghijklmnop'[index]}",
        size_gib=draw(st.integers(200, 65536)),
        type="gp3",
        iops=iops,
        throughput_mib_s=draw(st.none() | st.integers(125, min(2000, (iops or 3000) // 4))),
        encrypted=draw(st.booleans()),
        kms_key_id=None,
        backup=draw(st.none() | backups()),
    )


@st.composite
def instances(draw: st.DrawFn, zones: Sequence[str]) -> InstanceSpec:
    return InstanceSpec(
        image=draw(st.sampled_from(["ami-0abc1234def567890", SsmImage(ssm="/fleet/image")])),
        types=draw(st.sampled_from([("m6i.large",), ("m6i.large", "m5.large")])),
        subnets={zone: f"subnet-{number}" for number, zone in enumerate(sorted(zones))},
        security_groups=("sg-1", "sg-2"),
        staging_security_groups=draw(st.sampled_from([(), ("sg-3",)])),
        instance_profile=draw(st.sampled_from([None, "postgres"])),
        user_data=draw(st.none() | SCRIPTS.map(hashed)),
        tags=dict(sorted(draw(st.dictionaries(TAG_KEYS, TAG_VALUES, max_size=5)).items())),
    )


@st.composite
def fleets(draw: st.DrawFn) -> Fleet:
    zones = draw(ZONES)
    return Fleet(
        name=draw(NAMES),
        tier=draw(st.integers(0, 2)),
        replicas=draw(st.integers(0, 5000)),
        mode=draw(st.sampled_from(Mode)),
        paused=draw(st.booleans()),
        placement=Placement(
            account=draw(st.from_regex(r"[0-9]{12}", fullmatch=True)),
            region="us-east-1",
            zones=tuple(zones),
        ),
        instance=draw(instances(zones)),
        claims=tuple(draw(claims(index)) for index in range(draw(st.integers(0, 3)))),
        health=HealthSpec(
            startup_grace=draw(DURATIONS),
            unhealthy_after=draw(DURATIONS),
            recover_after=draw(DURATIONS),
            probe=draw(st.none() | probes()),
        ),
        repair=RepairSpec(
            ladder=tuple(step for step in LadderStep if draw(st.booleans())) or tuple(LadderStep),
            cutover_after=draw(DURATIONS),
            max_unavailable=draw(
                st.sampled_from([Share(count=0), Share(count=3), Share(percent=12.5)])
            ),
            max_replacements_per_slot=(
                ReplacementLimit(window=timedelta(hours=1), count=draw(st.integers(1, 3))),
                ReplacementLimit(window=timedelta(days=2), count=draw(st.integers(3, 9))),
            ),
        ),
        serve=draw(st.sampled_from(ServeWhen)),
        update=draw(st.sampled_from(UpdateStrategy)),
        source=SourcePosition(file="", line=0, column=0),
    )


def written(fleet: Fleet) -> dict[str, Any]:
    """The fleet as a document, with every field that is set."""
    image, limits = fleet.instance.image, fleet.repair.max_replacements_per_slot
    budget = fleet.repair.max_unavailable
    instance = {
        "image": {"ssm": image.ssm} if isinstance(image, SsmImage) else image,
        "types": fleet.instance.types,
        "subnets": fleet.instance.subnets,
        "securityGroups": fleet.instance.security_groups,
        "stagingSecurityGroups": fleet.instance.staging_security_groups,
        "instanceProfile": fleet.instance.instance_profile,
        "userData": fleet.instance.user_data and {"text": fleet.instance.user_data.text},
        "tags": fleet.instance.tags,
    }
    health = {
        "startupGrace": format_duration(fleet.health.startup_grace),
        "unhealthyAfter": format_duration(fleet.health.unhealthy_after),
        "recoverAfter": format_duration(fleet.health.recover_after),
        "probe": fleet.health.probe and written_probe(fleet.health.probe),
    }
    repair = {
        "ladder": fleet.repair.ladder,
        "cutoverAfter": format_duration(fleet.repair.cutover_after),
        "maxUnavailable": budget.count
        if budget.percent is None
        else format_percent(budget.percent),
        "maxReplacementsPerSlot": {format_duration(limit.window): limit.count for limit in limits},
    }
    return {
        "apiVersion": "reconciler/v1",
        "kind": "Fleet",
        "metadata": {"name": fleet.name},
        "spec": {
            "tier": fleet.tier,
            "replicas": fleet.replicas,
            "mode": fleet.mode,
            "paused": fleet.paused,
            "placement": {
                "account": fleet.placement.account,
                "region": fleet.placement.region,
                "zones": fleet.placement.zones,
            },
            "instance": set_fields(instance),
            "volumes": [written_claim(claim) for claim in fleet.claims],
            "health": set_fields(health),
            "repair": repair,
            "restore": {"serve": fleet.serve},
            "update": {"strategy": fleet.update},
        },
    }


def written_probe(probe: TcpProbe | HttpProbe) -> dict[str, Any]:
    target = {"tcp": probe.port}
    if isinstance(probe, HttpProbe):
        target = {"http": {"port": probe.port, "path": probe.path}}
    return target | {
        "interval": format_duration(probe.interval),
        "timeout": format_duration(probe.timeout),
        "threshold": probe.threshold,
    }


def written_claim(claim: Claim) -> dict[str, Any]:
    return set_fields(
        {
            "name": claim.name,
            "device": claim.device,
            "size": format_size(claim.size_gib),
            "type": claim.type,
            "iops": claim.iops,
            "throughput": claim.throughput_mib_s,
            "encrypted": claim.encrypted,
            "backup": "none" if claim.backup is None else written_backup(claim.backup),
        }
    )


def written_backup(backup: Backup) -> dict[str, Any]:
    assert backup.snapshots is not None
    keep = {grain: format_duration(kept) for grain, kept in backup.snapshots.keep.items()}
    return set_fields(
        {
            "snapshots": {"every": format_duration(backup.snapshots.every), "keep": keep},
            "archive": backup.archive and {"tool": backup.archive.tool, "url": backup.archive.url},
            "maxLoss": format_duration(backup.max_loss),
            "copyTo": backup.copy_to,
        }
    )


def set_fields(fields: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in fields.items() if value is not None}


def as_json(fleet: Fleet) -> str:
    """JSON is YAML, and quotes what needs quotes."""
    return json.dumps(written(fleet), ensure_ascii=False)


def outcome(paths: Sequence[Path]) -> DesiredState | str:
    """The desired state, or what is said against it; anything else that is raised fails the test."""
    try:
        return load(paths)
    except DesiredStateError as refused:
        return str(refused)


# --- Any input -------------------------------------------------------------------------------------------------------

YAML_TEXT = st.text(
    st.sampled_from("abk:- \n\t'\"[]{},&*!|>%@#?~0189.\\\r\ufeff\x00\x85\u2028é名"), max_size=80
)


@MANY
@given(
    content=st.binary(max_size=100)
    | YAML_TEXT.map(str.encode)
    | st.text(max_size=100).map(lambda text: text.encode("utf-8", "surrogatepass"))
)
def test_any_file_is_refused_with_diagnostics_and_nothing_else(
    directory: Path, content: bytes
) -> None:
    path = directory / "any.yaml"
    path.write_bytes(content)
    with pytest.raises(DesiredStateError) as refused:
        load([path])
    assert refused.value.diagnostics
    for found in refused.value.diagnostics:
        assert all(printable(line) == line for line in found.render().splitlines())


ANY_VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8)
    | st.sampled_from(["10m", "200GiB", "20%", "none", "web", "/dev/sdf", "use1-az1", "auto"]),
    lambda values: st.lists(values, max_size=3) | st.dictionaries(st.text(max_size=5), values, max_size=3),
    max_leaves=6,
)  # fmt: skip


@st.composite
def broken_documents(draw: st.DrawFn) -> Any:
    """A fleet's document in which some values, keys or items were replaced by anything."""
    document = json.loads(as_json(draw(fleets())))
    for _time in range(draw(st.integers(1, 3))):
        holder, step = document, draw(st.sampled_from(list(document)))
        while isinstance(holder[step], dict | list) and holder[step] and draw(st.booleans()):
            holder = holder[step]
            steps = list(holder) if isinstance(holder, dict) else range(len(holder))
            step = draw(st.sampled_from(steps))
        holder[step] = draw(ANY_VALUE)
    return document


@MANY
@given(document=broken_documents())
def test_any_value_in_any_place_is_taken_or_refused_at_a_place_in_the_file(
    directory: Path, document: Any
) -> None:
    path = directory / "broken.yaml"
    text = json.dumps(document, indent=1)
    path.write_text(text, encoding="utf-8")
    try:
        load([path])
    except DesiredStateError as refused:
        lines = text.splitlines()
        for found in refused.diagnostics:
            if found.line is not None and found.column is not None:
                assert 1 <= found.line <= len(lines)
                assert 1 <= found.column <= len(lines[found.line - 1]) + 1


@FEW
@given(fleet=fleets(), data=st.data())
def test_a_file_cut_anywhere_never_says_less_than_it_did(
    directory: Path, fleet: Fleet, data: st.DataObject
) -> None:
    """A half-written file must not declare something smaller: it declares the same, or it is refused."""
    text = as_json(fleet)
    path = directory / "cut.yaml"
    path.write_text(text[: data.draw(st.integers(0, len(text) - 1))], encoding="utf-8")
    assert isinstance(outcome([path]), str)


# --- What is valid ---------------------------------------------------------------------------------------------------


@MANY
@given(fleet=fleets())
def test_a_fleet_that_is_written_is_read_as_it_was(directory: Path, fleet: Fleet) -> None:
    path = directory / "fleet.yaml"
    path.write_text(as_json(fleet), encoding="utf-8")
    (read,) = load([path]).fleets
    assert read == replace(fleet, source=read.source)


@FEW
@given(
    declared=st.lists(fleets(), min_size=1, max_size=4, unique_by=lambda fleet: fleet.name),
    data=st.data(),
)
def test_the_order_of_files_and_paths_changes_nothing(
    directory: Path, declared: list[Fleet], data: st.DataObject
) -> None:
    paths = [directory / f"{number}.yaml" for number in range(len(declared))]
    for path, fleet in zip(paths, declared, strict=True):
        path.write_text(as_json(fleet), encoding="utf-8")
    assert outcome(paths) == outcome(data.draw(st.permutations(paths)))


@FEW
@given(documents=st.lists(broken_documents(), min_size=2, max_size=4), data=st.data())
def test_the_order_of_files_changes_nothing_about_errors_either(
    directory: Path, documents: list[Any], data: st.DataObject
) -> None:
    paths = [directory / f"broken-{number}.yaml" for number in range(len(documents))]
    for path, document in zip(paths, documents, strict=True):
        path.write_text(json.dumps(document), encoding="utf-8")
    assert outcome(paths) == outcome(data.draw(st.permutations(paths)))


@FEW
@given(
    declared=st.lists(fleets(), min_size=2, max_size=4, unique_by=lambda fleet: fleet.name),
    data=st.data(),
)
def test_how_documents_are_spread_over_files_changes_no_fleet(
    directory: Path, declared: list[Fleet], data: st.DataObject
) -> None:
    together = directory / "together.yaml"
    together.write_text("\n---\n".join(as_json(fleet) for fleet in declared), encoding="utf-8")
    cut = data.draw(st.integers(1, len(declared) - 1))
    parts = [directory / "part-1.yaml", directory / "part-2.yaml"]
    for path, some in zip(parts, (declared[cut:], declared[:cut]), strict=True):
        path.write_text("\n---\n".join(as_json(fleet) for fleet in some), encoding="utf-8")
    assert without_sources(load([together])) == without_sources(load(parts))


def without_sources(state: DesiredState) -> list[Fleet]:
    nowhere = SourcePosition(file="", line=0, column=0)
    return [replace(fleet, source=nowhere) for fleet in state.fleets]


@FEW
@given(fleet=fleets(), data=st.data())
def test_a_key_written_twice_is_always_refused(
    directory: Path, fleet: Fleet, data: st.DataObject
) -> None:
    document = written(fleet)
    key = data.draw(st.sampled_from(sorted(document["spec"])))
    text = as_json(fleet)
    value = json.dumps(document["spec"][key], ensure_ascii=False)
    assume(text.count('"spec": {') == 1)
    path = directory / "twice.yaml"
    path.write_text(text.replace('"spec": {', f'"spec": {{"{key}": {value}, '), encoding="utf-8")
    refusal = outcome([path])
    assert isinstance(refusal, str)
    assert f"duplicate key '{key}'" in refusal
