"""Durations, sizes and shares: what is read, and what is said about the rest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from desired_state.model import Share
from desired_state.reading.quantities import (
    QuantityError,
    format_duration,
    format_percent,
    format_size,
    parse_duration,
    parse_percent,
    parse_share,
    parse_size_gib,
)


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("1h", timedelta(hours=1)),
        ("7d", timedelta(days=7)),
        ("3650d", timedelta(days=3650)),
    ],
)
def test_a_duration_is_a_number_and_a_unit(text: str, duration: timedelta) -> None:
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "value",
    ["", "m", "0s", "-5m", "1.5h", "5 m", "5M", "1h30m", "1w", "015m", "15m\n", "\uff11\uff15m", True, None, [], {}],
)  # fmt: skip
def test_nothing_else_is_a_duration(value: object) -> None:
    with pytest.raises(QuantityError, match="must be a duration such as 90s, 15m, 12h or 7d, not "):
        parse_duration(value)


def test_a_duration_without_a_unit_is_told_how_to_get_one() -> None:
    with pytest.raises(QuantityError) as refused:
        parse_duration(90)
    assert str(refused.value) == (
        "must be a duration such as 90s, 15m, 12h or 7d, not the number 90"
    )
    assert refused.value.hint == "add a unit, as in 90s"


@pytest.mark.parametrize("text", ["3651d", "999999999d", "999999999h"])
def test_an_endless_duration_is_refused(text: str) -> None:
    with pytest.raises(QuantityError, match="must be at most 3650d"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["90s", "15m", "36h", "7d"])
def test_a_duration_is_written_as_it_is_read(text: str) -> None:
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize(("text", "size_gib"), [("200GiB", 200), ("1TiB", 1024), ("64TiB", 65536)])
def test_a_size_is_whole_gibibytes_or_tebibytes(text: str, size_gib: int) -> None:
    assert parse_size_gib(text) == size_gib
    assert format_size(size_gib) == text


@pytest.mark.parametrize(
    ("value", "hint"),
    [
        ("200GB", "EBS counts in powers of 1024: write 200GiB"),
        ("200G", "EBS counts in powers of 1024: write 200GiB"),
        ("200Gi", "EBS counts in powers of 1024: write 200GiB"),
        ("200 gib", "EBS counts in powers of 1024: write 200GiB"),
        ("2TB", "EBS counts in powers of 1024: write 2TiB"),
        (200, "add the unit, as in 200GiB"),
        ("0GiB", None),
        ("1.5TiB", None),
        ("512MiB", None),
        ("200GiB\n", None),
        (True, None),
        ([], None),
    ],
)
def test_another_size_is_refused_with_how_to_write_it(value: object, hint: str | None) -> None:
    with pytest.raises(
        QuantityError, match="must be a size such as 200GiB or 1TiB, not "
    ) as refused:
        parse_size_gib(value)
    assert refused.value.hint == hint


def test_a_share_is_a_count_or_a_percentage() -> None:
    assert parse_share(2) == Share(count=2)
    assert parse_share(0) == Share(count=0)
    assert parse_share("20%") == Share(percent=20.0)
    assert parse_share("2.5%") == Share(percent=2.5)


@pytest.mark.parametrize("value", [-1, True, 1.5, "2", "101%", "20 %", "%", "-5%", "100.5%", None])
def test_nothing_else_is_a_share(value: object) -> None:
    with pytest.raises(QuantityError, match="must be a whole number such as 2, or a share such as"):
        parse_share(value)


def test_a_percentage_needs_its_sign() -> None:
    assert parse_percent("10%") == 10.0
    with pytest.raises(QuantityError) as refused:
        parse_percent(10)
    assert refused.value.hint == "write 10%"
    assert format_percent(10.0) == "10%"
    assert format_percent(2.5) == "2.5%"
