"""Virtual time, and the same story for the same seed."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from datetime import timedelta
from functools import partial

from providers.simulated.clock import BEGINNING, VirtualClock
from providers.simulated.faults import (
    AttachStuck,
    Brownout,
    ByHand,
    Copy,
    DetachBusy,
    InstancesSick,
    Meddling,
    ReadsGoBack,
    RequestDelayed,
    RequestLost,
    RequestRepeated,
    ResponseLost,
    StaleReads,
    VolumesSick,
    When,
)
from tests.support.repository import ROOT
from tests.support.simulated_account import SimulatedAccount


def test_events_happen_in_the_order_of_their_time_and_then_of_their_making() -> None:
    clock = VirtualClock()
    told: list[str] = []
    for delay_s, name in ((2, "c"), (1, "a"), (1, "b")):
        clock.after(timedelta(seconds=delay_s), partial(told.append, name))
    clock.sleep(1)
    assert told == ["a", "b"]
    clock.sleep(1)
    assert told == ["a", "b", "c"]


def test_an_event_sees_the_instant_that_it_was_put_down_for() -> None:
    clock, seen = VirtualClock(), []
    clock.after(timedelta(seconds=3), lambda: seen.append(clock.now()))
    clock.sleep(60)
    assert seen == [BEGINNING + timedelta(seconds=3)]


def test_what_an_event_puts_down_within_the_time_happens_too() -> None:
    clock, told = VirtualClock(), []
    clock.after(
        timedelta(seconds=1),
        lambda: clock.after(timedelta(seconds=1), lambda: told.append("second")),
    )
    clock.sleep(2)
    assert told == ["second"]


def test_time_never_goes_back() -> None:
    clock = VirtualClock()
    clock.sleep(5)
    clock.advance(BEGINNING)
    assert clock.monotonic_s() == 5.0


def story(seed: int) -> str:
    """Everything that happened in a busy, troubled account, as one hash."""
    always = When(share=0.3)
    account = SimulatedAccount(
        RequestLost(when=When(share=0.1)),
        ResponseLost(when=When(share=0.2)),
        RequestRepeated(
            when=When(share=0.2), copy=Copy.AFTER_THE_ANSWER, delay=timedelta(seconds=40)
        ),
        RequestDelayed(when=When(share=0.1)),
        StaleReads(when=always),
        ReadsGoBack(when=always, lag=timedelta(minutes=3)),
        Brownout(when=When(share=0.2, since=timedelta(minutes=20), until=timedelta(minutes=25))),
        AttachStuck(when=always),
        DetachBusy(when=always),
        VolumesSick(when=When(share=0.5, since=timedelta(minutes=30))),
        InstancesSick(when=When(share=0.5, since=timedelta(minutes=30))),
        ByHand(what=Meddling.TERMINATE),
        ByHand(what=Meddling.EDIT_TAGS),
        seed=seed,
    )
    told: list[str] = []
    for number in range(12):
        token = {"ClientToken": f"launch-{number}"}
        told.append(account.code(account.asked, **token))
        account.wait(minutes=4)
        told.append(account.code(account.ec2.describe_instances))
        told.append(str(account.code(account.ec2.describe_volumes)))
    told += [str(change) for change in account.truth.changes]
    told += [f"{key} {count}" for key, count in sorted(account.cloud.plan.hits.items())]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def test_the_same_seed_tells_the_same_story_and_another_one_another() -> None:
    assert story(7) == story(7)
    assert story(7) != story(8)


def test_the_story_does_not_depend_on_the_seed_of_hashes() -> None:
    told = []
    for hash_seed in ("1", "2"):
        run = subprocess.run(
            [sys.executable, "-m", "tests.unit.providers.simulated.test_time"],
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        )
        told.append(run.stdout)
    assert told[0] == told[1] == story(7) + "\n"


if __name__ == "__main__":
    sys.stdout.write(story(7) + "\n")
