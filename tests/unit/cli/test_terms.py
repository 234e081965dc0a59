"""On which terms `approve` gives a person's word, by id and for many."""

from __future__ import annotations

from datetime import timedelta

import pytest

from reconciler.cli.terms import Terms, Wishes, terms_clause, terms_of
from reconciler.planning.actions import Course, Gate, Withheld
from reconciler.planning.losses.asking import STAND_IN
from tests.support.fleets import HOUR, MINUTE
from tests.support.resources import slot


def restore(loss: timedelta | None = 3 * HOUR, *, gate: Gate = Gate.RESTORE) -> Withheld:
    """A restore that waits; from nothing, where it would lose nothing that is known."""
    return Withheld(
        slot=slot("shared-postgres/0"),
        course=Course.RESTORE,
        gate=gate,
        reason="its volume is stuck",
        approval_id="shared-postgres-0-a1b2c3",
        loss=loss,
        alternatives=(STAND_IN,) if gate is Gate.RESTORE else (),
    )


def test_what_is_named_is_approved_for_the_loss_that_is_shown() -> None:
    assert terms_of(restore(), Wishes(), named=True) == Terms(max_loss=3 * HOUR)


def test_what_is_named_may_be_approved_for_more_than_is_shown_and_not_for_less() -> None:
    more = terms_of(restore(), Wishes(max_loss=26 * HOUR), named=True)
    assert more == Terms(max_loss=26 * HOUR)
    less = terms_of(restore(), Wishes(max_loss=3 * HOUR - MINUTE), named=True)
    assert less == "it would lose 3 h of writes, and 2 h 59 min at most was approved"


@pytest.mark.parametrize(
    ("most", "expected"), [(3 * HOUR, Terms(max_loss=3 * HOUR)), (2 * HOUR, "it would lose 3 h")]
)
def test_of_a_fleet_what_loses_no_more_is_approved_for_the_largest_loss(
    most: timedelta, expected: Terms | str
) -> None:
    found = terms_of(restore(), Wishes(max_loss=most), named=False)
    assert found == expected or str(found).startswith(str(expected))


def test_of_a_fleet_no_loss_beyond_an_objective_is_approved_unless_it_was_said() -> None:
    assert "give its id, or --max-loss" in str(terms_of(restore(), Wishes(), named=False))
    within = restore(15 * MINUTE, gate=Gate.APPROVE)
    assert terms_of(within, Wishes(), named=False) == Terms(max_loss=15 * MINUTE)


def test_with_a_largest_loss_nothing_else_of_a_fleet_is_approved() -> None:
    serving = restore(None, gate=Gate.SERVING)
    most = Wishes(max_loss=HOUR)
    assert terms_of(serving, most, named=False) == "it is not about a loss: give its id"
    assert terms_of(serving, most, named=True) == Terms()
    assert terms_of(serving, Wishes(), named=False) == Terms()


def test_an_empty_stand_in_is_approved_only_where_it_is_a_way_and_only_when_asked_for() -> None:
    nothing = restore(None)
    assert terms_of(nothing, Wishes(empty=True), named=True) == Terms(empty=True)
    assert terms_of(restore(), Wishes(empty=True), named=True) == Terms(empty=True)
    assert "give its id and --empty" in str(terms_of(nothing, Wishes(), named=True))
    assert "give its id and --empty" in str(terms_of(nothing, Wishes(max_loss=HOUR), named=False))
    other = restore(gate=Gate.APPROVE)
    assert "not among its ways" in str(terms_of(other, Wishes(empty=True), named=True))


def test_the_terms_are_said() -> None:
    assert terms_clause(Terms(empty=True)) == " with empty volumes"
    assert terms_clause(Terms(max_loss=26 * HOUR)) == " for a loss of 1 d 2 h at most"
    assert terms_clause(Terms()) == ""
