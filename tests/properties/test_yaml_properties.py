"""Properties of reading desired state: whatever the files hold, the answer is a desired state or one clear error."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from desired_state.load import DesiredStateError, load
from desired_state.model import DesiredState, Fleet, SourcePosition
from desired_state.reading.diagnostics import printable
from tests.properties.written_fleets import as_json, fleets, written

FEW = settings(max_examples=60, deadline=None)
MANY = settings(max_examples=200, deadline=None)


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fleets")


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
