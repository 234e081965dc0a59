"""The report as text, as JSON, and as a page that loads nothing."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from xml.etree import ElementTree as ET

import pytest

from reconciler.simulation import charts
from reconciler.simulation.page import page
from reconciler.simulation.record import Band, Lost, Restored, Waited
from reconciler.simulation.report import Report, report_lines
from reconciler.simulation.report_json import FORMAT_VERSION, report_document
from reconciler.surface.json_values import json_text
from reconciler.surface.layout import length, plain_text
from tests.support.fleets import HOUR, MINUTE
from tests.support.replayed import down, replayed, report

VOID = {"meta", "br", "hr", "img", "link", "input"}


def two_policies() -> Report:
    better = replayed(
        down("a/0", 0, 2),
        restores=(
            Restored(
                slot="a/0",
                tier=0,
                at=2 * HOUR,
                source="archive",
                stated=MINUTE,
                lost=2 * MINUTE,
            ),
        ),
        approvals=(
            Waited(slot="b/0", tier=1, gate="restore", since=HOUR, until=3 * HOUR, granted=True),
        ),
        bands=(Band(what="zone <a>", state="critical", since=HOUR, until=2 * HOUR),),
    )
    worse = replayed(
        down("a/0", 0, 4),
        down("b/1", 1, None, tier=1),
        policy="naive",
        destroyed=(Lost(at=HOUR, slot="a/0", resource_id="i-1", why="it served alone"),),
    )
    return report(better, worse)


def text(told: Report, *, width: int = 120) -> str:
    return plain_text(report_lines(told, width=width))


def test_each_policy_has_a_row_in_each_tier() -> None:
    told = text(two_policies())

    assert re.search(r"tier 0 +default +1 of 10 +2 h +2 h +2 h +2\n", told)
    assert re.search(r"tier 1 +naive +1 of 10 +not back +not back +not back \(1 down\) +11\n", told)
    assert re.search(r"tier 1 +default +0 of 10 +- +- +- +0\n", told)


def test_restores_are_told_with_their_loss_and_how_well_it_was_stated() -> None:
    assert "2 min, 2 min; stated to within 1 min" in text(two_policies(), width=200)


def test_calls_of_a_part_that_was_not_played_are_no_calls_at_all() -> None:
    to_the_end = replayed(lasted=10 * HOUR + MINUTE / 4)

    assert re.search(r"default +240, 240, - +0, 0, - ", text(report(to_the_end), width=200))
    assert re.search(
        r"default +240, 240, 240 +0, 0, 0 ", text(report(to_the_end, replayed()), width=200)
    )


def test_what_was_destroyed_is_named() -> None:
    told = text(two_policies())

    assert "default: nothing destroyed" in told
    assert "naive: 1 destroyed" in told
    assert "seed 1, 1 h: a/0 i-1: it served alone" in told


def test_approvals_are_told_with_how_long_they_waited_and_who_was_there() -> None:
    assert "once, 0 unanswered, median 2 h" in text(two_policies(), width=200)
    assert "nobody is there to approve anything" in text(two_policies())
    attended = report(replayed(), approves_after=HOUR)
    assert "approves what has waited 1 h" in text(attended)


def test_over_several_seeds_the_first_policy_is_held_against_the_others() -> None:
    records = [replayed(down("a/0", 0, 2), seed=seed) for seed in (1, 2)]
    records += [replayed(down("a/0", 0, h), policy="naive", seed=s) for s, h in ((1, 4), (2, 1))]

    told = text(report(*records), width=200)

    assert "than with naive, seed by seed: tier 0: 1 of 2; tier 1: 0 of 2; all: 1 of 2" in told


@pytest.mark.parametrize("width", [60, 80, 120])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    assert max(length(item) for item in report_lines(two_policies(), width=width)) <= width


def test_the_document_is_versioned_and_whole() -> None:
    document = json.loads(json_text(report_document(two_policies())))

    assert (document["kind"], document["formatVersion"]) == ("simulation", FORMAT_VERSION)
    assert [item["policy"] for item in document["summaries"]] == ["default", "naive"]
    better, worse = document["replays"]
    assert (better["cameThrough"], worse["cameThrough"]) == (True, False)
    assert better["down"] == [{"slot": "a/0", "tier": 0, "since": 0.0, "until": 7200.0}]
    assert better["measures"][0]["allBack"] == 7200.0


class Elements(HTMLParser):
    """The elements of a page; AssertionError when one is not closed where it should be."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self._open: list[str] = []
        self.feed(source)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(v) for k, v in attrs if k in ("src", "href", "xlink:href")]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._open and self._open[-1] == tag:
            self._open.pop()
        else:
            raise AssertionError(f"</{tag}> closes {self._open[-1:]}")


def test_the_page_is_whole_and_loads_nothing() -> None:
    source = page(two_policies())
    elements = Elements(source)

    assert source.startswith("<!DOCTYPE html>\n")
    assert not elements.addresses
    assert not {"script", "link", "img", "iframe", "object"} & set(elements.tags)
    assert "@import" not in source
    assert "url(" not in source


def test_the_page_has_a_table_and_a_chart_of_each_kind() -> None:
    source = page(two_policies())

    for title in ("Slots down, all tiers", "Slots down, tier 0", "Slots down, tier 1"):
        assert f'aria-label="{title}"' in source
    for title in ("Conditions and capabilities: default", "All calls a minute"):
        assert f'aria-label="{title}"' in source
    assert "<td>11</td>" in source


def test_both_policies_are_curves_of_one_chart() -> None:
    source = page(two_policies())
    chart = next(item for item in svgs(source) if item.get("aria-label") == "Slots down, tier 0")

    curves = [item.get("class") for item in chart.iter("path")]
    assert curves == ["curve-0", "curve-1"]


def test_what_people_wrote_is_no_mark_up() -> None:
    source = page(two_policies())

    assert "A made-up outage &lt;with marks&gt;" in source
    assert "<with" not in source
    assert "zone &lt;a&gt;" in source


def test_the_page_is_made_for_light_and_for_dark() -> None:
    source = page(two_policies())

    assert "color-scheme: light dark" in source
    light, dark = source.split("prefers-color-scheme: dark")
    assert set(re.findall(r"--[\w-]+(?=:)", light)) == set(re.findall(r"--[\w-]+(?=:)", dark))
    used = set(re.findall(r"var\((--[\w-]+)\)", source))
    assert used <= set(re.findall(r"--[\w-]+(?=:)", light))


def svgs(source: str) -> list[ET.Element]:
    return [ET.fromstring(item) for item in re.findall(r"<svg.*?</svg>", source, re.DOTALL)]


def test_charts_are_well_formed() -> None:
    assert len(svgs(page(two_policies()))) == 6


@pytest.mark.parametrize(
    ("most", "tick"), [(0, 1), (4, 1), (9, 2), (23, 5), (100, 20), (260, 100), (5_000, 1_000)]
)
def test_axes_have_round_numbers(most: float, tick: float) -> None:
    assert charts.tick_of(most) == tick


def test_a_curve_goes_in_steps_from_nothing() -> None:
    window = charts.Window(since=timedelta(), until=10 * HOUR)
    curve = charts.Curve(name="a", style="curve-0", points=[(5 * HOUR, 4.0)])

    (chart,) = svgs(charts.curves("Down", window, [curve], unit="slots"))

    (path,) = chart.iter("path")
    assert path.get("d") == "M56.0 192.0H452.0V10.0H848.0"


def test_peaks_survive_when_there_are_more_points_than_can_be_drawn() -> None:
    points = [(n * MINUTE, 1.0) for n in range(9_000)]
    points[4_321] = (points[4_321][0], 99.0)

    drawn = charts.thinned(points)

    assert len(drawn) <= charts.MOST_POINTS
    assert max(value for _, value in drawn) == 99
