"""What a Fleet document may say, and the exact words about what it may not."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.unit.desired_state.written import POSTGRES, WEB, load_text, refusal_of, with_change


def told(document: str) -> list[str]:
    """The first lines of what is said about the document, without the file's name."""
    return [
        line.removeprefix("fleets.yaml:").replace(": error:", "")
        for line in refusal_of(document).splitlines()
        if line.startswith("fleets.yaml:")
    ]


def test_an_unknown_key_is_refused_with_the_known_one_that_is_near() -> None:
    assert refusal_of(with_change(WEB, "securityGroups", "security_groups")) == dedent("""\
        fleets.yaml:10:3: error: `spec.instance.securityGroups` is missing
              instance:
              ^

        fleets.yaml:14:5: error: unknown key 'security_groups' in `spec.instance`
                security_groups: [sg-1]
                ^
            did you mean `securityGroups`?""")


def test_an_unknown_key_that_is_near_to_none_is_told_the_known_ones() -> None:
    refusal = refusal_of(with_change(WEB, "name: web", "name: web, namespace: prod"))
    assert "unknown key 'namespace' in `metadata`" in refusal
    refusal = refusal_of(with_change(WEB, "{tcp: 80}", "{ping: yes, tcp: 80}"))
    assert refusal.endswith("known keys: tcp, http, interval, timeout, threshold")


WRONG_VALUES = {
    "a word for a number": (
        "replicas: 6",
        "replicas: six",
        "5:13 `spec.replicas` must be a whole number, not 'six'",
    ),
    "a fraction": (
        "replicas: 6",
        "replicas: 6.0",
        "5:13 `spec.replicas` must be a whole number, not the number 6.0",
    ),
    "a boolean for a number": (
        "replicas: 6",
        "replicas: true",
        "5:13 `spec.replicas` must be a whole number, not true",
    ),
    "less than none": (
        "replicas: 6",
        "replicas: -1",
        "5:13 `spec.replicas` must be at least 0, not -1",
    ),
    "too many": (
        "replicas: 6",
        "replicas: 5001",
        "5:13 `spec.replicas` must be at most 5000, not 5001",
    ),
    "no value": ("replicas: 6", "replicas:", "5:3 `spec.replicas` has no value"),
    "null": ("replicas: 6", "replicas: null", "5:13 `spec.replicas` has no value"),
    "a tier beyond": (
        "replicas: 6",
        "replicas: 6\n  tier: 3",
        "6:9 `spec.tier` must be at most 2, not 3",
    ),
    "text for a mapping": (
        "{name: web}",
        "web",
        "3:11 `metadata` must be a mapping of keys to values, not 'web'",
    ),
    "a list for a mapping": (
        "{name: web}",
        "[web]",
        "3:11 `metadata` must be a mapping of keys to values, not a list",
    ),
    "a name in capitals": (
        "name: web",
        "name: Web",
        "3:18 `metadata.name` must be lower-case letters, digits and inner hyphens, such as web, not 'Web'",
    ),
    "a name with a slash": (
        "name: web",
        "name: web/1",
        "3:18 `metadata.name` must be lower-case letters, digits and inner hyphens, such as web, not 'web/1'",
    ),
    "a name that ends in a hyphen": (
        "name: web",
        "name: web-",
        "3:18 `metadata.name` must be lower-case letters, digits and inner hyphens, such as web, not 'web-'",
    ),
    "an endless name": (
        "name: web",
        f"name: {'w' * 64}",
        "3:18 `metadata.name` must have at most 63 characters, not 64",
    ),
    "no name": (
        "name: web",
        "name: ''",
        "3:18 `metadata.name` must be lower-case letters, digits and inner hyphens, such as web, not ''",
    ),
    "a name that is a number": (
        "name: web",
        "name: 12",
        "3:18 `metadata.name` must be a string, not the number 12",
    ),
    "a short account": (
        '"210987654321"',
        '"21098765432"',
        "7:14 `spec.placement.account` must be 12 digits in quotes, such as \"210987654321\", not '21098765432'",
    ),
    "an account without quotes": (
        '"210987654321"',
        "210987654321",
        "7:14 `spec.placement.account` must be a string of 12 digits, not a number",
    ),
    "a zone for the region": (
        "us-east-1",
        "us-east-1a",
        "8:13 `spec.placement.region` must be a region, such as us-east-1, not 'us-east-1a'",
    ),
    "no zones": ("[use1-az1, use1-az2]", "[]", "9:12 `spec.placement.zones` must not be empty"),
    "a zone of another region": (
        "use1-az1, use1-az2]",
        "use1-az1, use1-az2, eu-west-1a]",
        "9:33 `spec.placement.zones[2]` is 'eu-west-1a', which is not in us-east-1",
    ),
    "a zone twice": (
        "use1-az1, use1-az2]",
        "use1-az1, use1-az2, use1-az1]",
        "9:33 `spec.placement.zones[2]` repeats 'use1-az1'",
    ),
    "an image by name": (
        "ami-0abc1234def567890",
        "ubuntu",
        "11:12 `spec.instance.image` must be an image id, such as ami-0abc1234def567890, not 'ubuntu'",
    ),
    "a list of images": (
        "ami-0abc1234def567890",
        "[ami-0abc1234def567890]",
        "11:12 `spec.instance.image` must be an image id, or {ssm: /parameter}, not a list",
    ),
    "a relative parameter": (
        "ami-0abc1234def567890",
        "{ssm: image}",
        "11:18 `spec.instance.image.ssm` must be the name of an SSM parameter, such as /fleet/image, not 'image'",
    ),
    "one type without a list": (
        "[m6i.large]",
        "m6i.large",
        "12:12 `spec.instance.types` must be a list, not 'm6i.large'",
    ),
    "no types": ("[m6i.large]", "[]", "12:12 `spec.instance.types` must not be empty"),
    "a type twice": (
        "[m6i.large]",
        "[m6i.large, m6i.large]",
        "12:24 `spec.instance.types[1]` repeats 'm6i.large'",
    ),
    "no type of EC2's": (
        "[m6i.large]",
        "[large]",
        "12:13 `spec.instance.types[0]` must be an instance type, such as m6i.large, not 'large'",
    ),
    "a group's name": (
        "[sg-1]",
        "[web]",
        "14:22 `spec.instance.securityGroups[0]` must be the id of a security group, such as sg-0a1b2c3d, not 'web'",
    ),
    "no groups": ("[sg-1]", "[]", "14:21 `spec.instance.securityGroups` must not be empty"),
    "a port beyond": (
        "{tcp: 80}",
        "{tcp: 65536}",
        "16:18 `spec.health.probe.tcp` must be at most 65535, not 65536",
    ),
    "port 0": ("{tcp: 80}", "{tcp: 0}", "16:18 `spec.health.probe.tcp` must be at least 1, not 0"),
    "a port in quotes": (
        "{tcp: 80}",
        "{tcp: '80'}",
        "16:18 `spec.health.probe.tcp` must be a whole number, not '80'",
    ),
    "two kinds of probe": (
        "{tcp: 80}",
        "{tcp: 80, http: {port: 80}}",
        "16:12 `spec.health.probe` must have either `tcp` or `http`",
    ),
    "no kind of probe": (
        "{tcp: 80}",
        "{interval: 10s}",
        "16:12 `spec.health.probe` must have either `tcp` or `http`",
    ),
    "a path without a slash": (
        "{tcp: 80}",
        "{http: {port: 80, path: healthz}}",
        "16:36 `spec.health.probe.http.path` must be a path that begins with a slash, such as /healthz, not 'healthz'",
    ),
    "a path that would end the request": (
        "{tcp: 80}",
        '{http: {port: 80, path: "/\\r\\n"}}',
        (
            "16:36 `spec.health.probe.http.path` must be a path that begins with a slash, "
            "such as /healthz, not '/\ufffd\ufffd'"
        ),
    ),
    "a timeout beyond the interval": (
        "{tcp: 80}",
        "{tcp: 80, interval: 5s, timeout: 6s}",
        "16:45 `spec.health.probe.timeout` must be at most the interval, 5s, not 6s",
    ),
    "a grace without a unit": (
        "probe: {tcp: 80}",
        "startupGrace: 10",
        "16:19 `spec.health.startupGrace` must be a duration such as 90s, 15m, 12h or 7d, not the number 10",
    ),
    "a grace of nothing": (
        "probe: {tcp: 80}",
        "startupGrace: 0s",
        "16:19 `spec.health.startupGrace` must be a duration such as 90s, 15m, 12h or 7d, not '0s'",
    ),
}


@pytest.mark.parametrize("case", WRONG_VALUES)
def test_a_wrong_value_is_refused_at_its_place(case: str) -> None:
    old, new, expected = WRONG_VALUES[case]
    place, _, message = expected.partition(" ")
    assert f"{place} {message}" in told(with_change(WEB, old, new))


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("no", "false"),
        ("yes", "true"),
        ("on", "true"),
        ("Off", "false"),
        ("True", "true"),
        ("'false'", "false"),
    ],
)
def test_a_word_that_yaml_once_took_for_a_boolean_is_refused(written: str, meant: str) -> None:
    refusal = refusal_of(with_change(WEB, "replicas: 6", f"replicas: 6\n  paused: {written}"))
    shown = written.strip("'")
    assert refusal == dedent(f"""\
        fleets.yaml:6:11: error: `spec.paused` must be true or false, not '{shown}'
              paused: {written}
                      ^
            write {meant}, without quotes""")


@pytest.mark.parametrize(
    ("written", "meant"), [("012", "12"), ("1_000", "1000"), ("'6'", "6"), ("00", "0")]
)
def test_a_number_written_another_way_is_refused(written: str, meant: str) -> None:
    refusal = refusal_of(with_change(WEB, "replicas: 6", f"replicas: {written}"))
    assert refusal.endswith(f"write {meant}, in decimal and without quotes")


def test_a_number_of_base_60_stays_text() -> None:
    assert "must be a whole number, not '12:30:00'" in refusal_of(
        with_change(WEB, "replicas: 6", "replicas: 12:30:00")
    )


def test_a_number_where_text_is_expected_is_told_to_be_quoted() -> None:
    refusal = refusal_of(with_change(WEB, "[sg-1]", "[sg-1]\n    tags: {cost-center: 4711}"))
    assert refusal.endswith(
        "`spec.instance.tags.cost-center` must be a string, not the number 4711\n"
        "        tags: {cost-center: 4711}\n"
        "                            ^\n"
        '    put it in quotes: "4711"'
    )


def test_an_account_without_quotes_is_told_why() -> None:
    refusal = refusal_of(with_change(WEB, '"210987654321"', "210987654321"))
    assert refusal.endswith(
        'write "210987654321" in quotes: as a number an account loses its leading zeros'
    )


def test_a_wrong_word_is_told_the_right_ones() -> None:
    assert refusal_of(with_change(WEB, "replicas: 6", "replicas: 6\n  mode: automatic")) == dedent("""\
        fleets.yaml:6:9: error: `spec.mode` must be `observe`, `approve` or `auto`, not 'automatic'
              mode: automatic
                    ^
            did you mean `auto`?""")


def test_every_zone_has_a_subnet_and_every_subnet_a_zone() -> None:
    assert refusal_of(with_change(WEB, "use1-az2: subnet-2", "use1-az3: subnet-2")) == dedent("""\
        fleets.yaml:9:23: error: `spec.placement.zones[1]` is 'use1-az2', which has no subnet
                zones: [use1-az1, use1-az2]
                                  ^
            add it to `spec.instance.subnets`

        fleets.yaml:13:35: error: a key of `spec.instance.subnets` is 'use1-az3', which is not in `spec.placement.zones`
                subnets: {use1-az1: subnet-1, use1-az3: subnet-2}
                                              ^
            did you mean `use1-az2`?""")


def test_rules_between_sections_are_told_together_with_errors_within_them() -> None:
    broken = with_change(WEB, "use1-az2: subnet-2", "use1-az2: 2")
    broken = with_change(broken, "zones: [use1-az1, use1-az2]", "zones: [use1-az1]")
    assert told(with_change(broken, "replicas: 6", "replicas: six")) == [
        "5:13 `spec.replicas` must be a whole number, not 'six'",
        "13:35 a key of `spec.instance.subnets` is 'use1-az2', which is not in `spec.placement.zones`",
        "13:45 `spec.instance.subnets.use1-az2` must be a string, not the number 2",
    ]


@pytest.mark.parametrize(
    ("ladder", "expected"),
    [
        ("[]", "17:20 `spec.repair.ladder` must not be empty"),
        (
            "[restat]",
            "17:21 `spec.repair.ladder[0]` must be `reboot`, `restart` or `replace`, not 'restat'",
        ),
        (
            "[replace, reboot]",
            "17:30 `spec.repair.ladder[1]` is 'reboot', which cannot come after 'replace'",
        ),
        (
            "[reboot, reboot]",
            "17:29 `spec.repair.ladder[1]` is 'reboot', which cannot come after 'reboot'",
        ),
    ],
)
def test_the_ladder_goes_from_mild_to_hard(ladder: str, expected: str) -> None:
    assert told(WEB + f"  repair: {{ladder: {ladder}}}\n") == [expected]


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        (
            "{1h: 2, 60m: 4}",
            "a key of `spec.repair.maxReplacementsPerSlot` repeats the window 1h as 60m",
        ),
        ("{1h: 4, 24h: 2}", "`spec.repair.maxReplacementsPerSlot` allows 2 in 1d but 4 in 1h"),
        ("{1h: 0}", "`spec.repair.maxReplacementsPerSlot.1h` must be at least 1, not 0"),
        (
            "{hour: 1}",
            "a key of `spec.repair.maxReplacementsPerSlot` must be a duration such as 90s, 15m, 12h or 7d, not 'hour'",
        ),
        ("{}", "`spec.repair.maxReplacementsPerSlot` must not be empty"),
    ],
)
def test_windows_of_replacements_make_sense_together(limits: str, expected: str) -> None:
    (message,) = told(WEB + f"  repair: {{maxReplacementsPerSlot: {limits}}}\n")
    assert message.partition(" ")[2] == expected


def test_a_budget_is_a_count_or_a_share() -> None:
    document = WEB + "  repair: {maxUnavailable: a third}\n"
    (message,) = told(document)
    assert message == (
        "17:28 `spec.repair.maxUnavailable` must be a whole number such as 2, "
        "or a share such as 20%, not 'a third'"
    )


def test_the_smallest_documents_are_taken() -> None:
    assert load_text(WEB).warnings == ()
    assert load_text(POSTGRES).warnings == ()
    assert load_text(with_change(WEB, "replicas: 6", "replicas: 0")).fleet("web") is not None
    assert load_text(with_change(WEB, "replicas: 6", "replicas: 5000")).fleet("web") is not None
