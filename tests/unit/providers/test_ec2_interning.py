"""What EC2 shows unchanged is the same object as in the observation before it."""

from __future__ import annotations

from providers.ec2.interning import Interned


def test_a_reply_that_says_the_same_gives_the_same_item() -> None:
    interned = Interned[str]()
    first = interned.item("i-1", {"State": {"Name": "running"}}, lambda reply: f"made of {reply}")
    assert interned.item("i-1", {"State": {"Name": "running"}}, lambda _: "made again") is first


def test_a_reply_that_says_something_else_gives_another_item() -> None:
    interned = Interned[str]()
    interned.item("i-1", {"State": {"Name": "running"}}, lambda _: "running")
    assert interned.item("i-1", {"State": {"Name": "stopped"}}, lambda _: "stopped") == "stopped"


def test_items_are_told_apart_by_their_id() -> None:
    interned = Interned[str]()
    assert interned.item("i-1", {}, lambda _: "one") == "one"
    assert interned.item("i-2", {}, lambda _: "two") == "two"


def test_a_list_in_which_nothing_changed_is_the_same_mapping() -> None:
    interned = Interned[str]()
    first = interned.listed({"i-1": "one", "i-2": "two"})
    assert interned.listed({"i-2": "two", "i-1": "one"}) is first
    assert interned.listed({"i-1": "one"}) == {"i-1": "one"}


def test_what_a_whole_list_lacks_is_forgotten() -> None:
    interned = Interned[str]()
    interned.item("i-1", {}, lambda _: "one")
    interned.listed({"i-1": "one"})
    interned.listed({})
    assert interned.item("i-1", {}, lambda _: "made again") == "made again"


def test_what_a_list_with_a_gap_lacks_is_kept() -> None:
    interned = Interned[str]()
    first = interned.item("i-1", {}, lambda _: "one")
    interned.listed({"i-1": "one"})
    interned.listed({}, whole=False)
    assert interned.item("i-1", {}, lambda _: "made again") is first
