"""Orders that people may have given for any slot, sensible or not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st

from reconciler.planning.orders import OrderKind
from tests.support.cases import Scene
from tests.support.fleets import HOUR, MINUTE
from tests.support.resources import instance_id

Draw = Callable[[st.SearchStrategy[Any]], Any]


def tell_of_orders(draw: Draw, scene: Scene, slots: list[str]) -> None:
    """Now and then a few of them, for an incarnation that there is, was or will be."""
    if draw(st.integers(0, 2)):
        return
    for text in draw(st.lists(st.sampled_from(slots), min_size=1, max_size=3, unique=True)):
        vouched = instance_id(text, draw(st.integers(1, 3)))
        kind = draw(st.sampled_from(OrderKind))
        scene.ordered(
            text,
            kind,
            ago=draw(st.sampled_from([timedelta(), MINUTE, HOUR])),
            remaining=draw(st.sampled_from([timedelta(), HOUR])),
            incarnation=draw(st.integers(1, 3)),
            instance_id=vouched if kind is OrderKind.FENCED else None,
            max_loss=draw(st.sampled_from([None, MINUTE, 5 * HOUR])),
        )
