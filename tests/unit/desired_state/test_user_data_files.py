"""User data from a file: found beside its document, and never outside the directory that is loaded."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path

import pytest

from desired_state.load import DesiredStateError, load
from desired_state.model import UserData
from tests.unit.desired_state.written import WEB, with_change

SCRIPT = "#!/bin/bash\necho é\n"


def declare(reference: str, *, document: str = "fleets/web/fleet.yaml") -> None:
    """Write a fleet whose user data is the file."""
    written = json.dumps({"file": reference})
    path = Path(document)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        with_change(WEB, "[sg-1]", f"[sg-1]\n    userData: {written}"), encoding="utf-8"
    )


def write(path: str, content: str | bytes = SCRIPT) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_bytes(content.encode() if isinstance(content, str) else content)


def loaded_user_data(*paths: str) -> UserData | None:
    return load([Path(path) for path in paths or ["fleets"]]).fleets[0].instance.user_data


def refusal(*paths: str) -> str:
    """The message of the one error, without its position."""
    with pytest.raises(DesiredStateError) as refused:
        load([Path(path) for path in paths or ["fleets"]])
    (diagnostic,) = refused.value.diagnostics
    assert (diagnostic.line, diagnostic.column) == (15, 24)
    return diagnostic.message.removeprefix("`spec.instance.userData.file` ")


def test_a_file_is_looked_for_beside_its_document_and_read_with_its_hash() -> None:
    declare("boot.sh")
    write("fleets/web/boot.sh")
    assert loaded_user_data() == UserData(
        text=SCRIPT, sha256=hashlib.sha256(SCRIPT.encode()).hexdigest()
    )


@pytest.mark.parametrize(
    "reference", ["../shared/boot.sh", "./../shared/./boot.sh", "../web/../shared/boot.sh"]
)
def test_a_file_elsewhere_in_the_loaded_directory_is_taken(reference: str) -> None:
    declare(reference)
    write("fleets/shared/boot.sh")
    assert loaded_user_data() is not None


def test_a_document_given_by_itself_reaches_only_its_own_directory() -> None:
    declare("../shared/boot.sh")
    write("fleets/shared/boot.sh")
    assert "lies outside the directory that is loaded" in refusal("fleets/web/fleet.yaml")
    assert loaded_user_data("fleets/web/fleet.yaml", "fleets") is not None, "the wider one counts"


def test_a_link_inside_the_loaded_directory_is_followed() -> None:
    declare("boot.sh")
    write("fleets/shared/boot.sh")
    Path("fleets/web/boot.sh").symlink_to("../shared/boot.sh")
    assert loaded_user_data() is not None


def test_a_loaded_directory_may_itself_be_a_link() -> None:
    declare("boot.sh", document="real/fleet.yaml")
    write("real/boot.sh")
    Path("linked").symlink_to("real")
    assert loaded_user_data("linked") is not None


HOSTILE = [
    # Out of the directory, in many spellings.
    "../../secret", "../../../secret", "../../../../../../etc/passwd", "./../../secret",
    "sub/../../../secret", "..//..//secret", "../.././secret", "../../here/../secret",
    "../web/../../secret", "../../fleets/../secret", ".././../secret", "../../secret/",
    "../../fleets-other/boot.sh", "../../fleets2/../secret", "sub/../../web/../../secret",
    # Absolute, also to what is inside.
    "/etc/passwd", "//etc/passwd", "///etc/shadow", "/", "/dev/zero", "/dev/stdin", "/proc/self/environ",
    "/proc/self/cwd/secret", "/proc/self/root/etc/passwd", "/dev/fd/0", "/etc/../etc/passwd", "/tmp",
    # Links that lead out.
    "link-to-secret", "link-to-parent/secret", "link-to-link", "link-to-root/etc/passwd",
    "sub/link-to-secret", "link-to-parent/../secret", "link-to-environ", "link-to-home",
    "link-to-parent/fleets/../secret", "./link-to-secret",
    # Not a file.
    ".", "..", "./", "sub", "../", "../web", "loop", "loop/boot.sh", "pipe", "socket-like/..",
    # What a shell, a URL library or another system would read differently.
    "~/secret", "~root/secret", "$HOME/secret", "${HOME}/secret", "%2e%2e/secret", "..%2f..%2fsecret",
    "..\\..\\secret", "C:\\secret", "file:///etc/passwd", "http://169.254.169.254/latest/meta-data",
    "s3://bucket/boot.sh", "//host/share", "boot.sh\x00", "../../secret\x00.sh", "*", "boot*", " ", "-",
    "..../..../secret", "…/secret", "\uff0e\uff0e/secret", "a" * 300, "a/" * 3000,
]  # fmt: skip


@pytest.mark.parametrize("reference", HOSTILE)
def test_no_path_reaches_out_of_the_loaded_directory(reference: str) -> None:
    declare(reference)
    write("secret", "#!/bin/sh\n# hidden\n")
    write("fleets-other/boot.sh")
    Path("fleets2").mkdir()
    web = Path("fleets/web")
    (web / "sub").mkdir()
    for link, target in {
        "link-to-secret": "../../secret",
        "sub/link-to-secret": "../../../secret",
        "link-to-link": "link-to-secret",
        "link-to-parent": "../..",
        "link-to-root": "/",
        "link-to-environ": "/proc/self/environ",
        "link-to-home": "~",
        "loop": "loop",
    }.items():
        (web / link).symlink_to(target)
    os.mkfifo(web / "pipe")
    with pytest.raises(DesiredStateError) as refused:
        load([web / "fleet.yaml"])
    assert "# hidden" not in str(refused.value)
    assert "root:" not in str(refused.value)
    assert [found.line for found in refused.value.diagnostics] == [15]


def test_hostile_paths_are_many() -> None:
    assert len(set(HOSTILE)) >= 50


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ("../../secret", "'../../secret' lies outside the directory that is loaded"),
        ("/etc/passwd", "'/etc/passwd' is an absolute path"),
        ("gone.sh", "'gone.sh' does not exist"),
        (".", "'.' is a directory, not a file"),
    ],
)
def test_a_refused_path_is_told_why(reference: str, message: str) -> None:
    declare(reference)
    write("secret")
    assert refusal() == message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "'boot.sh' is empty"),
        (" \n", "'boot.sh' is empty"),
        ("#" * 16_385, "'boot.sh' is larger than 16,384 bytes"),
        (b"#!/bin/sh\necho \xff\n", "'boot.sh' is not UTF-8 text: byte 0xff on line 2"),
        (b"\x7fELF\x00", "'boot.sh' holds the control character U+007F on line 1"),
        (
            "#!/bin/sh\npassword=correct-horse\n",
            "'boot.sh' holds what looks like a password in its line 2",
        ),
    ],
)
def test_content_that_cannot_be_user_data_is_refused(content: str | bytes, message: str) -> None:
    declare("boot.sh")
    write("fleets/web/boot.sh", content)
    assert refusal() == message


def test_the_largest_user_data_is_taken() -> None:
    declare("boot.sh")
    write("fleets/web/boot.sh", "#!" + "x" * 16_382)
    assert loaded_user_data() is not None


def test_either_a_file_or_text_is_given() -> None:
    for user_data in ("{}", "{file: boot.sh, text: x}"):
        Path("fleet.yaml").write_text(
            with_change(WEB, "[sg-1]", f"[sg-1]\n    userData: {user_data}"), encoding="utf-8"
        )
        write("boot.sh")
        with pytest.raises(DesiredStateError, match="must have either `file` or `text`"):
            load([Path("fleet.yaml")])


def test_a_bad_file_is_told_together_with_everything_else() -> None:
    declare("gone.sh")
    path = Path("fleets/web/fleet.yaml")
    path.write_text(path.read_text().replace("replicas: 6", "replicas: six"))
    with pytest.raises(DesiredStateError) as refused:
        load([Path("fleets")])
    assert [found.line for found in refused.value.diagnostics] == [5, 15]
