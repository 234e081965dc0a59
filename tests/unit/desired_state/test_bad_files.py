"""Files that cannot be read as desired state: each gets one clear message, and none is read beyond the limit."""

from __future__ import annotations

import os
from pathlib import Path
from textwrap import dedent

import pytest

from desired_state.load import DesiredStateError, load
from desired_state.reading.source import SIZE_LIMIT_BYTES
from tests.unit.desired_state.written import (
    FILE,
    POLICY,
    POSTGRES,
    WEB,
    load_files,
    refusal_of,
    refusal_of_files,
    with_change,
)


def refusal_of_paths(*paths: str) -> str:
    with pytest.raises(DesiredStateError) as refused:
        load([Path(path) for path in paths])
    return str(refused.value)


def refusal_of_bytes(content: bytes) -> str:
    Path(FILE).write_bytes(content)
    return refusal_of_paths(FILE)


def test_a_file_that_is_not_there_is_refused() -> None:
    assert refusal_of_paths("fleet.yaml") == "fleet.yaml: error: does not exist"


def test_a_link_that_leads_nowhere_is_refused() -> None:
    Path(FILE).symlink_to("gone.yaml")
    assert refusal_of_paths(FILE) == (
        "fleets.yaml: error: is a symbolic link to gone.yaml, which does not exist"
    )


def test_a_link_that_leads_back_to_itself_is_refused() -> None:
    Path(FILE).symlink_to(FILE)
    assert refusal_of_paths(FILE) in {
        "fleets.yaml: error: is a symbolic link that leads back to itself",
        "fleets.yaml: error: cannot be read: too many levels of symbolic links",
    }


def test_a_broken_link_below_a_directory_is_refused_and_not_skipped() -> None:
    load_files({"fleets/web.yaml": WEB})
    Path("fleets/db.yaml").symlink_to("gone.yaml")
    assert refusal_of_paths("fleets") == (
        "fleets/db.yaml: error: is a symbolic link to gone.yaml, which does not exist"
    )


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_file_without_permission_is_refused() -> None:
    Path(FILE).write_text(WEB)
    Path(FILE).chmod(0)
    assert refusal_of_paths(FILE) == "fleets.yaml: error: cannot be read: permission denied"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_directory_without_permission_is_refused_and_not_empty() -> None:
    load_files({"fleets/web.yaml": WEB})
    Path("fleets").chmod(0)
    try:
        assert refusal_of_paths("fleets") == "fleets: error: cannot be read: permission denied"
    finally:
        Path("fleets").chmod(0o700)


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="only Linux has this file")
def test_a_file_whose_reading_fails_is_refused() -> None:
    assert refusal_of_paths("/proc/self/mem") == (
        "/proc/self/mem: error: cannot be read: input/output error"
    )


def test_a_named_pipe_is_refused_without_waiting_for_a_writer() -> None:
    os.mkfifo("fleet.yaml")
    assert refusal_of_paths("fleet.yaml") == "fleet.yaml: error: is not a regular file"


def test_a_file_far_beyond_memory_is_refused_without_being_read() -> None:
    with Path(FILE).open("wb") as file:
        file.truncate(1 << 40)
    assert refusal_of_paths(FILE) == "fleets.yaml: error: is larger than 5,000,000 bytes"


def test_the_largest_file_is_read() -> None:
    filling = "#" * (SIZE_LIMIT_BYTES - len(WEB) - 1) + "\n"
    assert load_files({FILE: filling + WEB}).fleet("web") is not None
    assert "is larger than 5,000,000 bytes" in refusal_of("#" + filling + WEB)


def test_text_that_is_not_utf_8_is_refused_with_its_position() -> None:
    assert refusal_of_bytes(b"apiVersion: reconciler/v1\nkind: Fl\xe9et\n") == dedent("""\
        fleets.yaml:2:9: error: is not UTF-8 text: byte 0xe9
            save the file as UTF-8""")


def test_utf_16_is_refused() -> None:
    assert "is not UTF-8 text: byte 0xff" in refusal_of_bytes(WEB.encode("utf-16"))
    assert refusal_of_bytes(WEB.encode("utf-16-le")) == dedent("""\
        fleets.yaml:1:2: error: holds the control character U+0000
            the file may be binary or UTF-16; save it as UTF-8 text""")


@pytest.mark.parametrize("character", ["\0", "\x01", "\x1b", "\x7f", "\x9b", "\ufffe"])
def test_control_characters_are_refused_with_their_position(character: str) -> None:
    refusal = refusal_of(with_change(WEB, "name: web", f"name: w{character}b"))
    assert refusal.startswith(
        f"fleets.yaml:3:19: error: holds the control character U+{ord(character):04X}\n"
    )
    assert character not in refusal


def test_a_byte_order_mark_is_passed_over_and_shifts_no_column() -> None:
    assert load_files({FILE: "\ufeff" + WEB}).fleet("web") is not None
    refusal = refusal_of("\ufeff" + WEB.replace("apiVersion", "apiversion"))
    assert "fleets.yaml:1:1: error: unknown key 'apiversion'" in refusal


def test_windows_line_ends_are_read() -> None:
    assert load_files({FILE: WEB.replace("\n", "\r\n")}).fleet("web") is not None


def test_an_empty_directory_is_refused() -> None:
    Path("fleets").mkdir()
    assert refusal_of_paths("fleets") == (
        "fleets: error: no *.yaml or *.yml file in this directory"
    )


@pytest.mark.parametrize("text", ["", "# all of it commented out\n", "---\n---\n", POLICY])
def test_files_without_a_fleet_are_refused(text: str) -> None:
    assert refusal_of(text) == dedent("""\
        fleets.yaml: error: no Fleet is declared here
            capacity goes only by a lower `replicas`, never by a document that is not there""")


def test_no_path_at_all_is_refused() -> None:
    assert refusal_of_files({}).startswith("no path given: error: no Fleet is declared here")


def test_a_document_without_kind_is_refused() -> None:
    assert refusal_of(with_change(WEB, "kind: Fleet\n", "")) == dedent("""\
        fleets.yaml:1:1: error: `kind` is missing
            apiVersion: reconciler/v1
            ^
            it is `Fleet` or `SafetyPolicy`, in every document""")


def test_a_document_of_another_kind_is_refused() -> None:
    assert refusal_of(with_change(WEB, "kind: Fleet", "kind: fleets")) == dedent("""\
        fleets.yaml:2:7: error: `kind` must be `Fleet` or `SafetyPolicy`, not 'fleets'
            kind: fleets
                  ^
            did you mean `Fleet`?""")


def test_another_api_version_is_refused() -> None:
    assert refusal_of(with_change(WEB, "reconciler/v1", "apps/v1")) == dedent("""\
        fleets.yaml:1:13: error: `apiVersion` must be `reconciler/v1`, not 'apps/v1'
            apiVersion: apps/v1
                        ^""")


def test_everything_wrong_in_all_files_is_told_at_once_in_reading_order() -> None:
    broken_web = WEB.replace("replicas: 6", "replica: 6").replace("[m6i.large]", "m6i.large")
    refusal = refusal_of_files(
        {"b/web.yaml": broken_web, "c.yaml": "a: ]", "a.yaml": POSTGRES.replace("sdf", "sda1")}
    )
    told = [line for line in refusal.splitlines() if ": error: " in line]
    assert told == [
        "a.yaml:19:15: error: `spec.volumes[0].device` is /dev/sda1, the root device",
        "b/web.yaml:4:1: error: `spec.replicas` is missing",
        "b/web.yaml:5:3: error: unknown key 'replica' in `spec`",
        "b/web.yaml:12:12: error: `spec.instance.types` must be a list, not 'm6i.large'",
        "c.yaml:1:4: error: a value cannot begin so",
    ]


def test_a_refused_value_is_not_complained_of_twice() -> None:
    refusal = refusal_of(with_change(WEB, "replicas: 6", "replicas: *six"))
    assert refusal.count("error:") == 1
    assert "the alias `*six` is not allowed" in refusal


def test_of_a_file_of_another_kind_only_the_beginning_is_told() -> None:
    keys = "".join(f"key{number}: 1\n" for number in range(1000))
    refusal = refusal_of(WEB + keys)
    assert refusal.count("unknown key") == 50
    assert refusal.endswith("fleets.yaml: error: and 50 more errors in this file")


def test_directories_are_searched_for_yaml_and_what_is_hidden_is_skipped() -> None:
    load_files(
        {
            "fleets/a.yaml": WEB,
            "fleets/deep/er/b.yml": POSTGRES,
            "fleets/policies/default.yaml": POLICY,
        }
    )
    for skipped in ("fleets/.c.yaml", "fleets/.git/d.yaml", "fleets/notes.txt"):
        Path(skipped).parent.mkdir(exist_ok=True)
        Path(skipped).write_text("not: [valid")
    state = load([Path("fleets")])
    assert [fleet.name for fleet in state.fleets] == ["shared-postgres", "web"]
    assert state.policy.name == "careful"


def test_a_directory_mounted_as_kubernetes_does_is_read_once() -> None:
    load_files({"fleets/..2026_04_21/web.yaml": WEB})
    Path("fleets/..data").symlink_to("..2026_04_21")
    Path("fleets/web.yaml").symlink_to("..data/web.yaml")
    assert [fleet.name for fleet in load([Path("fleets")]).fleets] == ["web"]


def test_a_file_reached_in_two_ways_is_read_once() -> None:
    load_files({"fleets/web.yaml": WEB})
    state = load([Path("fleets/web.yaml"), Path("fleets"), Path("fleets/../fleets/web.yaml")])
    assert [fleet.name for fleet in state.fleets] == ["web"]


def test_directories_linked_in_a_circle_are_searched_once() -> None:
    load_files({"fleets/web.yaml": WEB})
    Path("fleets/again").symlink_to("../fleets")
    assert [fleet.name for fleet in load([Path("fleets")]).fleets] == ["web"]


@pytest.mark.parametrize("target", ["../secret.yaml", "../elsewhere", "/", "/etc/passwd"])
def test_a_link_that_leads_out_of_the_directory_is_refused_and_not_followed(target: str) -> None:
    load_files({"fleets/web.yaml": WEB, "elsewhere/other.yaml": POSTGRES})
    Path("secret.yaml").write_text("hidden: [")
    Path("fleets/link.yaml").symlink_to(target)
    assert refusal_of_paths("fleets") == dedent("""\
        fleets/link.yaml: error: is a link that leads out of fleets
            give the place it leads to as a path of its own""")


def test_directories_nested_deep_are_searched() -> None:
    deep = Path("fleets")
    deep.mkdir()
    for _level in range(200):
        deep = deep / "d"
        deep.mkdir()
    (deep / "web.yaml").write_text(WEB)
    assert [fleet.name for fleet in load([Path("fleets")]).fleets] == ["web"]


def test_a_fleet_declared_twice_is_refused_with_both_positions() -> None:
    assert refusal_of_files({"a.yaml": WEB, "b.yaml": POSTGRES + "---\n" + WEB}) == dedent("""\
        b.yaml:28:18: error: fleet 'web' is declared already, at a.yaml:3:18
            metadata: {name: web}
                             ^
            remove one""")


def test_a_second_safety_policy_is_refused() -> None:
    assert refusal_of(f"{WEB}---\n{POLICY}---\n{POLICY}") == dedent("""\
        fleets.yaml:25:18: error: a SafetyPolicy is declared already, at fleets.yaml:20:18
            metadata: {name: careful}
                             ^
            remove one""")


def test_a_file_name_cannot_drive_the_terminal() -> None:
    assert "\x1b" not in refusal_of_files({"\x1b[2Jfleet.yaml": "a: ["})
