"""What is wrong around the controller gets one clear message and exit code 1; nothing is changed, nothing is lost."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.e2e.declarations import WEB
from tests.e2e.terminal import Ended, Terminal
from tests.support.fault_proxy import AnswerError, Rule, closed_endpoint


def assert_refused(ended: Ended, *said: str) -> None:
    """Exit 1, nothing on stdout, one message that says these words, and no traceback."""
    assert ended.code == 1, ended.out + ended.err
    assert ended.out == ""
    assert "Traceback" not in ended.err
    for words in said:
        assert words in ended.err, ended.err


@pytest.fixture
def web(terminal: Terminal) -> Terminal:
    terminal.declare("web", WEB)
    return terminal


def test_missing_credentials_say_where_credentials_come_from(web: Terminal) -> None:
    nothing = {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}
    assert_refused(web.command("plan", environment=nothing), "credentials")


def test_credentials_of_another_account_are_refused_naming_both(web: Terminal) -> None:
    web.declare("web", WEB.replace("{account}", "999999999999"))
    ended = web.command("apply", "--yes")
    assert_refused(ended, "999999999999", web.cloud.account)
    assert web.proxy.mutating_calls == {}


def test_an_unreachable_endpoint_is_named(web: Terminal) -> None:
    endpoint = closed_endpoint()
    assert_refused(web.command("plan", environment={"AWS_ENDPOINT_URL": endpoint}), endpoint)


def test_a_denied_read_names_the_missing_permission(web: Terminal) -> None:
    web.proxy.add(Rule("DescribeInstances", AnswerError("UnauthorizedOperation", status=403)))
    assert_refused(web.command("plan"), "ec2:DescribeInstances")


def test_a_denied_launch_names_the_missing_permission_and_launches_nothing(web: Terminal) -> None:
    web.proxy.add(Rule("RunInstances", AnswerError("UnauthorizedOperation", status=403)))
    ended = web.command("apply", "--yes")
    assert ended.code == 1
    assert "ec2:RunInstances" in ended.out + ended.err
    assert "Traceback" not in ended.err


def test_a_corrupt_journal_is_left_as_it_is_and_said(web: Terminal) -> None:
    store = web.folder / "store.sqlite"
    store.write_bytes(b"these are not the bytes of a database" * 100)
    store.chmod(0o600)
    before = store.read_bytes()
    assert_refused(web.command("apply", "--yes"), str(store))
    assert_refused(web.command("plan"), str(store))
    assert store.read_bytes() == before
    assert web.proxy.mutating_calls == {}


def test_a_journal_that_cannot_be_written_stops_everything(web: Terminal, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("a file where a folder should be", encoding="utf-8")
    environment = {"RECONCILER_STORE": str(file / "store.sqlite")}
    assert_refused(web.command("apply", "--yes", environment=environment), str(file))
    assert web.proxy.mutating_calls == {}


def test_a_cell_with_history_refuses_another_endpoint(web: Terminal) -> None:
    assert web.command("apply", "--yes", "--wait").code == 0
    elsewhere = {"AWS_ENDPOINT_URL": web.cloud.endpoint}
    assert_refused(
        web.command("plan", environment=elsewhere), web.cloud.endpoint, web.proxy.endpoint
    )


def test_apply_beside_run_refuses_and_names_the_holder(web: Terminal) -> None:
    assert web.command("apply", "--yes", "--wait").code == 0
    with web.running():
        assert _holds(web)
        assert_refused(web.command("apply", "--yes"), "reconciler run")
        assert web.command("status").code in (0, 2)


def _holds(terminal: Terminal) -> bool:
    """Wait until `run` has made a pass of its own."""
    before = terminal.proxy.calls["DescribeInstances"]
    for _ in range(100):
        if terminal.proxy.calls["DescribeInstances"] > before:
            return True
        time.sleep(0.1)
    return False


def test_the_owner_has_no_default(web: Terminal) -> None:
    assert_refused(web.command("plan", environment={"RECONCILER_OWNER": ""}), "RECONCILER_OWNER")


def test_a_recorded_case_is_planned_again_without_any_cloud(web: Terminal) -> None:
    case = web.folder / "case.json"
    observed = web.command("observe", "-o", str(case))
    assert observed.code == 0, observed.err
    offline = {"AWS_ENDPOINT_URL": closed_endpoint(), "AWS_ACCESS_KEY_ID": ""}
    replayed = web.command("plan", "--case", str(case), environment=offline)
    live = web.command("plan")
    assert replayed.code == live.code == 2
    assert replayed.out.splitlines()[5:] == live.out.splitlines()[5:]
