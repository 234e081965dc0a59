from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reconciler.surface.layout import (
    Span,
    Style,
    columns,
    fields,
    grid,
    length,
    line,
    plain_text,
    wrapped,
)


def test_text_is_wrapped_at_blanks_and_indented_under_its_first_word() -> None:
    lines = wrapped(line("one two three four"), width=14, first=line("why  "))
    assert plain_text(lines) == "why  one two\n     three\n     four\n"


def test_an_id_longer_than_the_line_stays_whole() -> None:
    identifier = "i-0123456789abcdef0"
    assert identifier in plain_text(wrapped(line(f"stop {identifier} now"), width=10))


def test_a_style_ends_where_its_span_ends_even_inside_a_word() -> None:
    (only,) = wrapped(line("is ", Span("bad", Style.BAD), ", really"), width=40)
    assert ("bad", Style.BAD) in [(span.text, span.style) for span in only]
    assert plain_text([only]) == "is bad, really\n"


def test_labels_share_a_column_as_wide_as_the_longest() -> None:
    rows = [("why", line("drift")), ("security groups", line("sg-1"))]
    assert plain_text(fields(rows, width=60, indent=2)) == (
        "  why              drift\n  security groups  sg-1\n"
    )


def test_cells_are_aligned_and_missing_ones_leave_room() -> None:
    rows = [[Span("web"), Span(""), Span("3 healthy")], [Span("shared-postgres"), Span("tier 1")]]
    assert plain_text(columns(rows)) == (
        "  web                      3 healthy\n  shared-postgres  tier 1\n"
    )


def test_a_grid_holds_as_many_columns_as_fit() -> None:
    items = ["web/0 i-0", "web/1 i-1", "web/2 i-2"]
    assert plain_text(grid(items, width=24, indent=2)) == ("  web/0 i-0  web/1 i-1\n  web/2 i-2\n")


@given(
    st.lists(st.text("abcdefgh", min_size=1, max_size=15), max_size=30),
    st.integers(min_value=20, max_value=80),
)
def test_wrapping_loses_no_word_and_keeps_to_the_width(words: list[str], width: int) -> None:
    lines = wrapped(line(" ".join(words)), width=width, first=line("  "), indent=4)
    assert " ".join(plain_text(lines).split()) == " ".join(words)
    assert all(length(item) <= width for item in lines)
