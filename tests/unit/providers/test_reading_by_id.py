"""Ids that are missing cost a call each, and no more of those than there are to spare."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from providers.ec2.reading_by_id import read_by_id
from providers.errors import CloudError, RetryClass
from providers.observed import Presence

MISSING = [f"vol-{number:03}" for number in range(30)]


class Account:
    """Names one missing volume an answer, as EC2 does."""

    def __init__(self) -> None:
        self.calls = 0

    def read(self, ids: Sequence[str]) -> Mapping[str, str]:
        self.calls += 1
        raise CloudError(
            operation="DescribeVolumes",
            code="InvalidVolume.NotFound",
            message=f"The volume '{ids[0]}' does not exist.",
            retry=RetryClass.CONSISTENCY,
        )


class Spare:
    """Three calls."""

    left = 3

    def count(self) -> None:
        """Nothing is added up here."""

    def spend(self) -> bool:
        self.left -= 1
        return self.left >= 0


def test_what_there_is_no_call_for_is_unreadable_and_not_gone() -> None:
    account = Account()
    answers = read_by_id(MISSING, account.read, Spare())
    assert account.calls == 1 + 3
    said = [presence for presence, _ in answers.values()]
    assert said == [Presence.NOT_FOUND] * 4 + [Presence.UNREADABLE] * 26
    assert list(answers) == MISSING, "asked for in the order given"


def test_a_single_look_by_hand_asks_for_all_of_them() -> None:
    answers = read_by_id(MISSING, Account().read)
    assert {presence for presence, _ in answers.values()} == {Presence.NOT_FOUND}
