"""Items made once: what EC2 shows unchanged is the same object as in the reply before it (design section 5).

To compare a reply with the last one takes a fraction of making the item anew, and whoever is handed the same object
need not look into it again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from providers.observed import Instance, StatusChecks, Volume, Zone
from providers.observed_volumes import VolumeStatus

Reply = Mapping[str, Any]
Item = TypeVar("Item")


class Interned(Generic[Item]):
    """The items of one kind, by id. May be used from several threads: at worst an item is made twice."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Reply, Item]] = {}
        self._last: dict[str, Item] = {}

    def item(self, identifier: str | None, reply: Reply, make: Callable[[Reply], Item]) -> Item:
        """The item of a reply: the one made before, when the reply says the same. Raises what `make` raises."""
        before = self._made.get(identifier or "")
        if before is not None and (before[0] is reply or before[0] == reply):
            return before[1]
        made = make(reply)
        self._made[identifier or ""] = (reply, made)
        return made

    def listed(self, found: dict[str, Item], *, whole: bool = True) -> dict[str, Item]:
        """A list: the same mapping as the last one when nothing changed. What a whole one lacks is forgotten."""
        if found != self._last:
            self._last = found
        if whole and self._made.keys() != found.keys():
            self._made = {key: made for key, made in self._made.items() if key in found}
        return self._last


@dataclass(frozen=True, slots=True, kw_only=True)
class InternedCell:
    """All that is kept of a cell from one observation to the next."""

    instances: Interned[Instance] = field(default_factory=Interned)
    volumes: Interned[Volume] = field(default_factory=Interned)
    checks: Interned[StatusChecks] = field(default_factory=Interned)
    volume_status: Interned[VolumeStatus] = field(default_factory=Interned)
    zones: Interned[Zone] = field(default_factory=Interned)
