"""What a plan says of sentinels that do not answer: one that never does would keep healing back without a word."""

from __future__ import annotations

from providers.observed import Observation, ProbeOutcome


def silent_sentinels(observation: Observation) -> tuple[str, ...]:
    """A note for each sentinel that does not answer, and what that means for the others."""
    looks = observation.sentinels
    silent = [item for item in looks if item.outcome is not ProbeOutcome.PASSED]
    if len(silent) == len(looks):
        meaning = (
            "none does, so failing probes tell nothing of the services and may be the prober's own trouble; if it is "
            "gone for good, give another with --sentinel"
        )
    else:
        meaning = f"{len(looks) - len(silent)} of {len(looks)} do, so the prober can see"
    return tuple(
        f"{item.instance_id} does not answer ({item.detail}): {meaning}" for item in silent
    )
