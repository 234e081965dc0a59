"""The names of everything that is logged, in one table, so that a search for an event finds all of its lines.

One canonical line is written per pass (`PASS_DONE`); the others are for what happens once.
"""

from __future__ import annotations

PASS_DONE = "pass done"  # noqa: S105 - a pass of the loop, not a password
"""Once per cell and pass: counts by bucket, actions done, failed and withheld, calls, duration in seconds."""

PASS_FAILED = "pass failed"  # noqa: S105 - likewise
"""The pass ended before its plan was carried out: which part, the error, when it is tried again."""

ACTION_DONE = "action done"
"""A mutating call was accepted: slot, kind, resource id, request id, reason."""

ACTION_FAILED = "action failed"
"""A mutating call was refused or its outcome is not known: slot, kind, error code, when it is tried again."""

INTENT_SETTLED = "intent settled"
"""An intent came to its end: slot, kind, state, how long it took."""

CONDITION_CHANGED = "condition changed"
"""A zone, the region or a fleet is in trouble, in other trouble, or well again; critical is an error."""

CAPABILITY_CHANGED = "capability changed"
"""What a zone's control plane can do: a breaker opened or closed."""

API_TROUBLE = "API in trouble"
"""Most of our calls fail; everything is slowed down."""

BLIND = "blind"
"""Too many slots fail by our own eyes alone; nothing is taken out on that."""

BY_HAND = "stopped by others"
"""Somebody stops or terminates instances of a fleet; it is left alone for a while."""

BRAKES_OVERRIDDEN = "brakes overridden"
"""A person lifted the brakes of the cell: who, why, and that it is over."""

PLAN_REFUSED = "plan refused"
"""`check_plan` found a violation; nothing of that plan was done and the cell stands still."""

DESIRED_RELOADED = "desired state reloaded"
"""Files changed: fleets before and after."""

DESIRED_REFUSED = "desired state refused"
"""Files changed and are invalid or far smaller; the last good desired state stays in force."""

LEASE_TAKEN = "lease taken"
"""This controller owns the cell from now on: epoch, former holder."""

LEASE_LOST = "lease lost"
"""Another controller owns the cell; this one does nothing there."""

RUN_STARTED = "run started"
"""Version, owner, cells, store."""

RUN_STOPPED = "run stopped"
"""Why, and how many actions were still open."""
