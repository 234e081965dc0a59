"""What kind of work a draft is: by this, and by nothing guessed from its reason, the brakes tell what they hold."""

from __future__ import annotations

from enum import StrEnum


class Nature(StrEnum):
    """What is at stake if it is done, and if it is not."""

    ENTAILED = "entailed"
    """What a commit is and what follows from one: taking over from what is confirmed to be down, its fence, the detach
    from what is stopped, the end of what was superseded. It goes on in every condition and comes first."""
    CONSTRUCTIVE = "constructive"
    """It takes nothing away: launch, start, attach, snapshot, tags. Capabilities and the pace are what it waits for."""
    UNDOING = "undoing"
    """The end of what never held the slot and stands in the way of the next try."""
    DISRUPTIVE = "disruptive"
    """On an occupant that still runs, by our own judgement or by an order."""
    HOUSEKEEPING = "housekeeping"
    """What can wait for peace: updates, drift, the end of what was kept, orphans, a smaller number."""
