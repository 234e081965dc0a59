"""How a diagnostic is shown: readable in a terminal whatever the file holds, and never with a secret."""

from __future__ import annotations

import pytest

from desired_state.reading.diagnostics import Diagnostic, Severity, did_you_mean, quoted
from desired_state.reading.secrets import masked
from desired_state.reading.source import SHOWN_WIDTH, Source


def shown(text: str, line: int, column: int) -> list[str]:
    """The excerpt and the caret of a diagnostic at the place."""
    source = Source(file="f.yaml", text=text)
    return source.diagnostic((line, column), "is wrong").render().splitlines()[1:]


def test_a_diagnostic_has_position_source_line_caret_and_suggestion() -> None:
    source = Source(file="fleets/web.yaml", text="spec:\n  replica: 6\n")
    diagnostic = source.diagnostic((2, 3), "unknown key 'replica'", hint="did you mean `replicas`?")
    assert diagnostic.render() == (
        "fleets/web.yaml:2:3: error: unknown key 'replica'\n"
        "      replica: 6\n"
        "      ^\n"
        "    did you mean `replicas`?"
    )


def test_a_warning_is_one_line_with_its_position() -> None:
    source = Source(file="f.yaml", text="zones: [a]")
    warning = source.diagnostic((1, 8), "names one zone", severity=Severity.WARNING)
    assert warning.one_line() == "f.yaml:1:8: warning: names one zone"


def test_what_concerns_a_whole_file_has_no_position() -> None:
    assert Diagnostic(file="f.yaml", message="does not exist").render() == (
        "f.yaml: error: does not exist"
    )


@pytest.mark.parametrize(
    ("line", "column", "under"),
    [
        ("a: x", 4, "   ^"),
        ("名前: x", 5, "      ^"),
        ("e\N{COMBINING ACUTE ACCENT}: x", 5, "   ^"),
        ("\ta: x", 2, " ^"),
        ("a", 2, " ^"),
    ],
    ids=["plain", "wide", "combining", "tab", "after the end"],
)
def test_the_caret_stands_under_the_column(line: str, column: int, under: str) -> None:
    assert shown(line, 1, column)[1] == "    " + under


@pytest.mark.parametrize("column", [1, 30, 500, 4_999_000, 5_000_000])
def test_a_long_line_is_cut_around_the_column(column: int) -> None:
    line = "-" * (column - 1) + "!" + "-" * (5_000_000 - column)
    excerpt, caret = shown(line, 1, column)
    assert len(excerpt) <= SHOWN_WIDTH + len("    ......")
    assert excerpt[caret.index("^")] == "!"


def test_characters_that_move_the_cursor_or_hide_text_are_replaced() -> None:
    excerpt, _caret = shown("a: \x1b[2J\u202eevil", 1, 1)
    assert excerpt == "    a: \ufffd[2J\ufffdevil"
    message = Diagnostic(file="f\x1b.yaml", message="not '\x07'", hint="\u200b").render()
    assert message == "f\ufffd.yaml: error: not '\ufffd'\n    \ufffd"


def test_a_secret_in_the_source_line_is_masked_and_the_caret_stays() -> None:
    line = "env: PGPASSWORD=correct-horse, x: 1"
    assert shown(line, 1, 32) == [
        "    env: PGPASSWORD=************** x: 1",
        "    " + " " * 31 + "^",
    ]


def test_a_secret_in_the_message_is_masked() -> None:
    source = Source(file="f.yaml", text="x")
    diagnostic = source.diagnostic((1, 1), "must be true, not 'AKIAIOSFODNN7EXAMPLE'")
    assert diagnostic.message == "must be true, not '********************'"


@pytest.mark.parametrize(
    "text",
    [
        "AKIAIOSFODNN7EXAMPLE",
        "ASIAIOSFODNN7EXAMPLE",
        "aws_secret_access_key = wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY",
        '"SecretAccessKey": "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY"',
        "-----BEGIN RSA PRIVATE KEY-----",
        "-----BEGIN PRIVATE KEY-----",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "password=hunter22",
        "export PGPASSWORD='hunter22'",
        "db_passwd: hunter22",
        "passphrase = correct-horse",
        "api_key=0123456789abcdef",
        "AUTH_TOKEN=0123456789abcdef",
        "postgres://app:hunter22@db.internal/app",
        "ghp_" + "a1B2" * 9,
        "xoxb-1234567890-abcdefghij",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    assert "*" * 4 in masked(text)
    assert len(masked(text)) == len(text)


@pytest.mark.parametrize(
    "text",
    [
        "password=$(aws secretsmanager get-secret-value --secret-id db)",
        'password="$PASSWORD"',
        "password=${PASSWORD}",
        "password: <from SSM>",
        "password=",
        "lock_passwd: false",
        "--password-file=/run/secrets/db",
        "password_encryption = scram-sha-256",
        'curl --header "X-aws-ec2-metadata-token: $token"',
        '--header "X-aws-ec2-metadata-token-ttl-seconds: 300"',
        "https://example.com:8080/path@2",
        "postgres://app:$PASSWORD@db/app",
        "# the secret is in Secrets Manager",
        "-----BEGIN CERTIFICATE-----",
        "ami-0abc1234def567890",
    ],
)
def test_what_is_looked_up_elsewhere_is_no_secret(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    "text",
    ["-secret_" * 60_000, "a." * 250_000, "password" + " " * 500_000, "-----BEGIN A" * 40_000],
    ids=["keywords", "schemes", "spaces", "keys"],
)
def test_no_text_makes_the_search_for_secrets_slow(text: str) -> None:
    # Half a megabyte takes milliseconds; a search that tries every pair of places would take minutes.
    assert masked(text) == text


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("replica", ["replicas", "repair"], "did you mean `replicas`?"),
        ("startupgrace", ["startupGrace"], "did you mean `startupGrace`?"),
        ("subnet_ids", ["replicas"], None),
        ("x" * 5_000_000, ["replicas"], None),
    ],
    ids=["a letter missing", "case", "nothing near", "endless"],
)
def test_only_a_name_that_is_nearly_right_is_suggested(
    word: str, known: list[str], hint: str | None
) -> None:
    assert did_you_mean(word, known) == hint


def test_a_long_value_is_cut_inside_a_message() -> None:
    assert quoted("x" * 100) == "'" + "x" * 57 + "...'"
