"""From files to the desired state, or to everything that is wrong with them.

All files are read, parsed, validated and compared before anything is said, so that one run tells all. Nothing half
right is returned: with one error in one file there is no desired state at all, and the last good one stays in force.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import islice
from pathlib import Path

from desired_state.advice import cell_advice, fleet_advice
from desired_state.documents.consistency import archive_places, consistency_problems
from desired_state.documents.document import Problem
from desired_state.documents.fleet import FleetDocument
from desired_state.documents.policy import SafetyPolicyDocument, policy_problems
from desired_state.documents.validation import MOST_EXPLAINED, place_problem, validate
from desired_state.model import DesiredState, Fleet, SafetyPolicy, SourcePosition
from desired_state.reading.diagnostics import (
    Diagnostic,
    Severity,
    described,
    did_you_mean,
    one_of,
    quoted,
)
from desired_state.reading.files import FoundFile, find_files
from desired_state.reading.parse import parse
from desired_state.reading.source import Source, UnreadableError, read_source
from desired_state.reading.tree import Place, YamlMapping, place_of_key, place_of_value, value_at
from desired_state.resolve import resolve_fleet
from desired_state.resolve_policy import resolve_policy
from desired_state.user_data import hashed, read_user_data

POLICIES = Path(__file__).parent / "policies"

DEFAULT_POLICY_FILE = POLICIES / "default.yaml"
"""In force when no policy is declared; complete, with the reason of each number."""

SHIPPED_POLICIES = ("default", "naive")
"""By name; `naive` is there to be compared with, never to run."""

MOST_SHOWN_PER_FILE = 50
"""More errors than this in one file have one cause, e.g. that it is a file of another kind."""

KINDS = ("Fleet", "SafetyPolicy")


class DesiredStateError(Exception):
    """The files do not say what is wanted. `diagnostics` are sorted; the text shows all of them."""

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(_shown(diagnostics))
        super().__init__("\n\n".join(diagnostic.render() for diagnostic in self.diagnostics))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Document:
    """A document as written, and where it came from."""

    tree: YamlMapping
    source: Source
    found: FoundFile
    refused_places: frozenset[Place]

    @property
    def kind(self) -> object:
        return self.tree.get("kind")

    @property
    def name(self) -> str | None:
        name = value_at(self.tree, ("metadata", "name"))
        return name if isinstance(name, str) else None

    @property
    def position(self) -> SourcePosition:
        """Of its name, where it has one."""
        path = () if self.name is None else ("metadata", "name")
        line, column = place_of_value(self.tree, path)
        return SourcePosition(file=self.source.file, line=line, column=column)

    def diagnostics(
        self, problems: Iterable[Problem], severity: Severity = Severity.ERROR
    ) -> list[Diagnostic]:
        return [
            place_problem(found, self.tree, self.source, severity)
            for found in islice(problems, MOST_EXPLAINED)
        ]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Read:
    """What one file holds."""

    documents: tuple[_Document, ...]
    diagnostics: tuple[Diagnostic, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Checked:
    """A document and what it declares, which is nothing when there are diagnostics."""

    document: _Document
    declares: Fleet | SafetyPolicy | None
    diagnostics: tuple[Diagnostic, ...]


def load(paths: Sequence[Path]) -> DesiredState:
    """The desired state of all files given and of all `*.yaml` and `*.yml` below the directories given.

    Raises DesiredStateError with everything that is wrong, sorted by file and line. That no Fleet is declared is an
    error too: an empty or unmounted directory must never mean that nothing is wanted.
    """
    files, diagnostics = find_files(paths)
    read = [_read(found) for found in files]
    documents = [document for file in read for document in file.documents]
    checked = [_check(document) for document in documents]
    diagnostics += [found for file in read for found in file.diagnostics]
    diagnostics += [found for document in checked for found in document.diagnostics]
    diagnostics += _declared_twice(documents)
    diagnostics += _archived_together(documents)
    if not diagnostics and all(document.kind != "Fleet" for document in documents):
        diagnostics.append(_no_fleet(paths))
    if diagnostics:
        raise DesiredStateError(diagnostics)
    policies = [item.declares for item in checked if isinstance(item.declares, SafetyPolicy)]
    fleets = [item.declares for item in checked if isinstance(item.declares, Fleet)]
    return DesiredState(
        fleets=tuple(sorted(fleets, key=lambda fleet: fleet.name)),
        policy=policies[0] if policies else default_policy(),
        warnings=tuple(found.one_line() for found in _warnings(read, files, checked)),
    )


def default_policy() -> SafetyPolicy:
    """The policy that is in force when none is declared."""
    default = _default_policy_document()
    return resolve_policy(default, default)


def load_policy(name_or_path: str | Path) -> SafetyPolicy:
    """The policy that ships under this name, else that of the file, which holds one SafetyPolicy and nothing else.

    A file that is called like a policy that ships is given as `./default`. Raises DesiredStateError.
    """
    name = str(name_or_path)
    path = POLICIES / f"{name}.yaml" if name in SHIPPED_POLICIES else Path(name_or_path)
    read = _read(FoundFile(path=path, root=path.parent))
    hint = f"give {one_of(SHIPPED_POLICIES)}, which ship, or a file with one SafetyPolicy"
    if read.diagnostics:
        raise DesiredStateError([_with_hint(found, hint) for found in read.diagnostics])
    if [document.kind for document in read.documents] != ["SafetyPolicy"]:
        message = "must hold one SafetyPolicy and nothing else"
        raise DesiredStateError([Diagnostic(file=str(path), message=message, hint=hint)])
    policy, diagnostics = _check_policy(read.documents[0])
    if policy is None or diagnostics:
        raise DesiredStateError(diagnostics)
    return policy


def _with_hint(diagnostic: Diagnostic, hint: str) -> Diagnostic:
    """What is wrong with a whole file may be that it is none; inside of one the place says more."""
    return replace(diagnostic, hint=hint) if diagnostic.line is None else diagnostic


@cache
def _default_policy_document() -> SafetyPolicyDocument:
    source = read_source(DEFAULT_POLICY_FILE)
    parsed = parse(source)
    document, diagnostics = validate(SafetyPolicyDocument, parsed.documents[0], source)
    if document is None or parsed.diagnostics:
        raise DesiredStateError([*parsed.diagnostics, *diagnostics])
    return document


def _read(found: FoundFile) -> _Read:
    try:
        source = read_source(found.path)
    except UnreadableError as error:
        line, column = error.place or (None, None)
        diagnostic = Diagnostic(
            file=str(found.path), line=line, column=column, message=str(error), hint=error.hint
        )
        return _Read(documents=(), diagnostics=(diagnostic,))
    parsed = parse(source)
    documents = tuple(
        _Document(tree=tree, source=source, found=found, refused_places=parsed.refused_places)
        for tree in parsed.documents
    )
    return _Read(documents=documents, diagnostics=parsed.diagnostics)


def _check(document: _Document) -> _Checked:
    declares: Fleet | SafetyPolicy | None
    match document.kind:
        case "Fleet":
            declares, diagnostics = _check_fleet(document)
        case "SafetyPolicy":
            declares, diagnostics = _check_policy(document)
        case _:
            declares, diagnostics = None, [_wrong_kind(document)]
    # A value that was refused while reading is not complained of a second time.
    new = (d for d in diagnostics if (d.line, d.column) not in document.refused_places)
    return _Checked(document=document, declares=declares, diagnostics=tuple(new))


def _check_fleet(document: _Document) -> tuple[Fleet | None, list[Diagnostic]]:
    tree = document.tree
    fleet, diagnostics = validate(FleetDocument, tree, document.source)
    diagnostics += document.diagnostics(consistency_problems(tree))
    text = value_at(tree, ("spec", "instance", "userData", "text"))
    reference = value_at(tree, ("spec", "instance", "userData", "file"))
    if isinstance(reference, str) and reference:
        text, problems = read_user_data(
            reference, declared_in=document.found.path, root=document.found.root
        )
        diagnostics += document.diagnostics(problems)
    if fleet is None or diagnostics:
        return None, diagnostics
    user_data = hashed(text) if isinstance(text, str) else None
    return resolve_fleet(fleet, user_data=user_data, source=document.position), []


def _check_policy(document: _Document) -> tuple[SafetyPolicy | None, list[Diagnostic]]:
    declared, diagnostics = validate(SafetyPolicyDocument, document.tree, document.source)
    if declared is None:
        return None, diagnostics
    policy = resolve_policy(declared, _default_policy_document())
    return policy, document.diagnostics(policy_problems(policy))


def _wrong_kind(document: _Document) -> Diagnostic:
    tree, kind = document.tree, document.kind
    if kind is None:
        place = place_of_key(tree, ["kind"] if "kind" in tree else [])
        return document.source.diagnostic(
            place, "`kind` is missing", hint=f"it is {one_of(KINDS)}, in every document"
        )
    message = f"`kind` must be {one_of(KINDS)}, not {described(kind)}"
    hint = did_you_mean(str(kind), KINDS)
    return document.source.diagnostic(place_of_value(tree, ["kind"]), message, hint=hint)


def _declared_twice(documents: Sequence[_Document]) -> Iterator[Diagnostic]:
    """Names of fleets are unique in all files, and there is one policy."""
    first: dict[str, SourcePosition] = {}
    for document in documents:
        at = document.position
        if document.kind == "Fleet" and document.name is not None:
            what, key = f"fleet {quoted(document.name)}", f"Fleet {document.name}"
        elif document.kind == "SafetyPolicy":
            what, key = "a SafetyPolicy", "SafetyPolicy"
        else:
            continue
        if key in first:
            other = f"{first[key].file}:{first[key].line}:{first[key].column}"
            yield document.source.diagnostic(
                (at.line, at.column), f"{what} is declared already, at {other}", hint="remove one"
            )
        else:
            first[key] = at


def _archived_together(documents: Sequence[_Document]) -> Iterator[Diagnostic]:
    """No two claims archive to one place, in whatever fleets they are: they would write over each other."""
    first: dict[str, str] = {}
    for document in documents:
        if document.kind != "Fleet" or document.name is None:
            continue
        for at, place in archive_places(document.tree, document.name):
            if place in first:
                message = f"is where a claim of fleet {first[place]} archives to already"
                problem = Problem(message=message, at=at, hint="add {fleet}, or another folder")
                yield from document.diagnostics([problem])
            first.setdefault(place, document.name)


def _no_fleet(paths: Sequence[Path]) -> Diagnostic:
    where = ", ".join(str(path) for path in paths) or "no path given"
    return Diagnostic(
        file=where,
        message="no Fleet is declared here",
        hint="capacity goes only by a lower `replicas`, never by a document that is not there",
    )


def _warnings(
    read: Sequence[_Read], files: Sequence[FoundFile], checked: Sequence[_Checked]
) -> list[Diagnostic]:
    """What is legal and unwise, sorted as a reader goes through the files."""
    warnings = [
        Diagnostic(file=str(found.path), message="holds no document", severity=Severity.WARNING)
        for found, file in zip(files, read, strict=True)
        if not file.documents
    ]
    cells: defaultdict[tuple[str, str], dict[str, Fleet]] = defaultdict(dict)
    written: dict[str, _Document] = {}
    for item in checked:
        fleet = item.declares
        if isinstance(fleet, Fleet):
            warnings += item.document.diagnostics(fleet_advice(fleet), Severity.WARNING)
            cells[fleet.placement.account, fleet.placement.region][fleet.name] = fleet
            written[fleet.name] = item.document
    for (_account, region), fleets in cells.items():
        for fleet, problem in cell_advice(region, list(fleets.values())):
            warnings += written[fleet.name].diagnostics([problem], Severity.WARNING)
    return sorted(warnings, key=lambda found: found.order)


def _shown(diagnostics: Sequence[Diagnostic]) -> Iterator[Diagnostic]:
    """Sorted, and of each file at most so many, with the number of the others."""
    by_file: defaultdict[str, list[Diagnostic]] = defaultdict(list)
    for diagnostic in sorted(diagnostics, key=lambda found: found.order):
        by_file[diagnostic.file].append(diagnostic)
    for file, found in by_file.items():
        yield from found[:MOST_SHOWN_PER_FILE]
        if len(found) > MOST_SHOWN_PER_FILE:
            more = len(found) - MOST_SHOWN_PER_FILE
            yield Diagnostic(file=file, message=f"and {more:,} more errors in this file")
