"""Durations on the command line, written as in the files: `90s`, `15m`, `4h`, `7d`."""

from __future__ import annotations

from datetime import timedelta

import click

from desired_state.reading.quantities import QuantityError, parse_duration


class Duration(click.ParamType[timedelta]):
    """A duration with its unit; a usage error names the option and the forms that are read."""

    name = "duration"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(value)
        except QuantityError as error:
            self.fail(str(error), param, ctx)
