"""Tags that EC2 would refuse or that are kept for others, and secrets that have no place in a document."""

from __future__ import annotations

import json
from textwrap import dedent

import pytest

from desired_state.documents.secret_values import ADVICE
from tests.unit.desired_state.written import WEB, load_text, refusal_of, with_change

CANARY = "correct-horse-battery"


def with_tags(tags: dict[str, str]) -> str:
    return with_change(WEB, "[sg-1]", f"[sg-1]\n    tags: {json.dumps(tags)}")


def with_user_data(text: str) -> str:
    written = json.dumps({"text": text})
    return with_change(WEB, "[sg-1]", f"[sg-1]\n    userData: {written}")


def messages(document: str) -> list[str]:
    return [
        line.partition(" error: ")[2]
        for line in refusal_of(document).splitlines()
        if "error:" in line
    ]


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("cost center", "is refused by EC2 in instance metadata: 'cost center'"),
        ("cost/center", "is refused by EC2 in instance metadata: 'cost/center'"),
        ("kosten-stelle-ä", "is refused by EC2 in instance metadata: 'kosten-stelle-ä'"),
        ("", "is refused by EC2 in instance metadata: ''"),
        (".", "is refused by EC2 in instance metadata: '.'"),
        ("..", "is refused by EC2 in instance metadata: '..'"),
        ("_index", "is refused by EC2 in instance metadata: '_index'"),
        ("k" * 129, "must have at most 128 characters, not 129"),
        (
            "fleet-reconciler:role",
            "begins with fleet-reconciler:, which is kept for the controller: 'fleet-reconciler:role'",
        ),
        (
            "Fleet-Reconciler:role",
            "begins with fleet-reconciler:, which is kept for the controller: 'Fleet-Reconciler:role'",
        ),
        ("aws:team", "begins with aws:, which is kept for AWS: 'aws:team'"),
        ("AWS:team", "begins with aws:, which is kept for AWS: 'AWS:team'"),
    ],
)
def test_a_tag_key_that_cannot_be_used_is_refused(key: str, message: str) -> None:
    assert messages(with_tags({key: "x"})) == [f"a key of `spec.instance.tags` {message}"]


def test_tag_keys_and_values_at_their_limits_are_taken() -> None:
    tags = {"k" * 128: "v" * 256, "a+-=.,_:@Z9": "", "Name": "any text/with spaces, ä"}
    assert load_text(with_tags(tags)).fleets[0].instance.tags == tags


def test_a_value_beyond_its_limit_is_refused() -> None:
    assert messages(with_tags({"team": "v" * 257})) == [
        "`spec.instance.tags.team` must have at most 256 characters, not 257"
    ]


def test_forty_tags_are_taken_and_one_more_is_refused() -> None:
    tags = {f"key{number}": "x" for number in range(41)}
    assert messages(with_tags(tags)) == ["`spec.instance.tags` must have at most 40 items, not 41"]
    del tags["key0"]
    assert len(load_text(with_tags(tags)).fleets[0].instance.tags) == 40


def test_a_secret_in_user_data_is_refused_with_advice_and_not_shown() -> None:
    document = with_user_data(f"#!/bin/sh\nexport PGPASSWORD={CANARY}\n")
    assert refusal_of(document) == dedent(f"""\
        fleets.yaml:15:24: error: `spec.instance.userData.text` holds what looks like a password in its line 2
                userData: {{"text": "#!/bin/sh\\nexport PGPASSWORD={"*" * len(CANARY + "xn")}"}}
                                   ^
            {ADVICE}""")


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "an AWS access key id"),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIE", "a private key"),
        ("curl postgres://app:correct-horse@db/app", "a password in a URL"),
        ("TOKEN=ghp_" + "a1B2" * 9, "a GitHub token"),
        ("aws_secret_access_key=wJalrXUtnFEMIK7MDENG", "a secret"),
        ("password: correct-horse", "a password"),
    ],
)
def test_each_kind_of_secret_is_named(text: str, what: str) -> None:
    (message,) = messages(with_user_data(f"#!/bin/sh\n{text}\n"))
    assert message == f"`spec.instance.userData.text` holds what looks like {what} in its line 2"
    (message,) = messages(with_tags({"note": text.replace("\n", " ")}))
    assert message == f"`spec.instance.tags.note` holds what looks like {what}"


@pytest.mark.parametrize(
    "place",
    [
        "replicas: {value}",
        "mode: '{value}'",
        "'{value}': 1",
        "volumes: [{{name: '{value}'}}]",
        "repair: {{ladder: ['{value}']}}",
        "health: {{startupGrace: '{value}'}}",
        "paused: *a # {value}",
    ],
)
def test_a_secret_in_the_wrong_place_is_never_repeated(place: str) -> None:
    secret = f"password={CANARY}"
    refusal = refusal_of(WEB + "  " + place.format(value=secret) + "\n")
    assert CANARY not in refusal


def test_user_data_that_looks_its_secrets_up_is_taken() -> None:
    script = dedent("""\
        #!/bin/bash
        password=$(aws ssm get-parameter --with-decryption --name /db/password --query Parameter.Value)
        curl --header "X-aws-ec2-metadata-token: $token" http://169.254.169.254/latest/meta-data/
        """)
    user_data = load_text(with_user_data(script)).fleets[0].instance.user_data
    assert user_data is not None
    assert user_data.text == script
