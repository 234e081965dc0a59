"""YAML as values that remember where they were written.

A mapping is a `dict` and a sequence a `list`, so that pydantic takes them as they are; beside each key, value and
item they keep its place. Scalars are plain Python values: their place is with the container that holds them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

Place = tuple[int, int]
"""Line and column, both counted from 1, in characters."""

Path = Sequence[str | int]
"""Keys and list indices from the root of a document to a value in it."""


class YamlMapping(dict[str, "YamlValue"]):
    """A mapping with string keys; `place` is where it begins."""

    __slots__ = ("key_places", "place", "value_places")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.key_places: dict[str, Place] = {}
        self.value_places: dict[str, Place] = {}


class YamlSequence(list["YamlValue"]):
    """A sequence; `place` is where it begins."""

    __slots__ = ("item_places", "place")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.item_places: list[Place] = []


YamlValue = str | int | float | bool | None | YamlMapping | YamlSequence


def value_at(tree: YamlValue, path: Path) -> YamlValue:
    """The value at the path, or None where there is none."""
    for step in path:
        if isinstance(tree, YamlMapping) and isinstance(step, str):
            tree = tree.get(step)
        elif isinstance(tree, YamlSequence) and isinstance(step, int) and step < len(tree):
            tree = tree[step]
        else:
            return None
    return tree


def existing(tree: YamlMapping, path: Path) -> list[str | int]:
    """The steps of the path that exist in the tree.

    A step that is in no container is left out and the walk goes on, because validation adds steps of its own to a
    path (which alternative of a union it tried).
    """
    steps: list[str | int] = []
    for step in path:
        if _has(value_at(tree, steps), step):
            steps.append(step)
    return steps


def _has(holder: YamlValue, step: str | int) -> bool:
    if isinstance(holder, YamlMapping):
        return step in holder
    return isinstance(holder, YamlSequence) and isinstance(step, int) and 0 <= step < len(holder)


def place_of_value(tree: YamlMapping, path: Path) -> Place:
    """Where the value at an existing path begins; a key without a value is where the key is."""
    if not path:
        return tree.place
    holder = value_at(tree, path[:-1])
    step = path[-1]
    if isinstance(holder, YamlMapping) and isinstance(step, str):
        return holder.value_places[step]
    if isinstance(holder, YamlSequence) and isinstance(step, int):
        return holder.item_places[step]
    raise KeyError(list(path))


def place_of_key(tree: YamlMapping, path: Path) -> Place:
    """Where the key (or the list item) at an existing path is written."""
    if path:
        holder = value_at(tree, path[:-1])
        step = path[-1]
        if isinstance(holder, YamlMapping) and isinstance(step, str):
            return holder.key_places[step]
    return place_of_value(tree, path)


def dotted(path: Path) -> str:
    """The path as people write it, e.g. `spec.volumes[0].size`."""
    text = ""
    for step in path:
        if isinstance(step, int):
            text += f"[{step}]"
        else:
            text += f".{step}" if text else step
    return text


def paths_of_nulls(
    tree: YamlValue, path: tuple[str | int, ...] = ()
) -> Iterator[tuple[str | int, ...]]:
    """The path of every key and item that was written without a value."""
    if isinstance(tree, YamlMapping):
        for key, value in tree.items():
            yield from paths_of_nulls(value, (*path, key))
    elif isinstance(tree, YamlSequence):
        for index, value in enumerate(tree):
            yield from paths_of_nulls(value, (*path, index))
    elif tree is None:
        yield path
