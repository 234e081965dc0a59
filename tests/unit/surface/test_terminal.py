from __future__ import annotations

import io
import subprocess
import sys

import pytest

from reconciler.surface.layout import Line, Span, Style, line
from reconciler.surface.terminal import carried, in_colour, show, width_of

LINES: list[Line] = [line(Span("+", Style.CREATE), " web/0 → i-0", Span(" bad", Style.BAD))]


class Screen(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(stream: io.StringIO, **environ: str) -> str:
    show(LINES, stream, environ)
    return stream.getvalue()


def test_a_terminal_gets_colour() -> None:
    text = shown(Screen(), TERM="xterm-256color")
    assert "\x1b[" in text
    assert "web/0" in text


def test_a_pipe_gets_plain_text() -> None:
    assert shown(io.StringIO(), TERM="xterm-256color") == "+ web/0 → i-0 bad\n"


@pytest.mark.parametrize("refusal", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colour_can_be_refused(refusal: dict[str, str]) -> None:
    assert shown(Screen(), **{"TERM": "xterm", **refusal}) == "+ web/0 → i-0 bad\n"


def test_an_empty_no_color_refuses_nothing() -> None:
    assert in_colour(Screen(), {"NO_COLOR": "", "TERM": "xterm"})


def test_a_pipe_is_100_wide_unless_columns_says_otherwise() -> None:
    assert width_of(io.StringIO(), {}) == 100
    assert width_of(io.StringIO(), {"COLUMNS": "72"}) == 72
    assert width_of(io.StringIO(), {"COLUMNS": "many"}) == 100


def test_widths_stay_within_what_the_layout_is_made_for() -> None:
    assert width_of(io.StringIO(), {"COLUMNS": "20"}) == 60
    assert width_of(io.StringIO(), {"COLUMNS": "1000"}) == 200


def test_what_an_encoding_cannot_carry_becomes_ascii() -> None:
    assert carried("web/0 … web/5  shop → ünï", "ascii") == "web/0 ... web/5  shop -> \\xfcn\\xef"
    assert carried("web/0 … web/5", "utf-8") == "web/0 … web/5"


@pytest.mark.parametrize("stream", [io.StringIO(), Screen()], ids=["pipe", "terminal"])
def test_a_tag_cannot_move_the_cursor(stream: io.StringIO) -> None:
    show([line("team \x1b[2J\r gone")], stream, {"TERM": "xterm"})
    assert "\x1b[2J" not in stream.getvalue()
    assert "\r" not in stream.getvalue()


def test_a_pipe_never_imports_rich() -> None:
    program = (
        "import sys; from reconciler.surface.terminal import show; show([], sys.stdout, {}); "
        "assert not any(name.split('.')[0] == 'rich' for name in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
