"""Durations and moments on the command line, written as in the files: `90s`, `15m`, `7d`; `1h53m`."""

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


class Moment(click.ParamType[timedelta]):
    """A time after the beginning of a trouble, as scenarios have it; a usage error names the option and the forms."""

    name = "moment"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> timedelta:
        from reconciler.simulation.moments import parse_moment  # noqa: PLC0415 - `--help` must not load it

        if isinstance(value, timedelta):
            return value
        try:
            moment = parse_moment(value)
        except QuantityError as error:
            self.fail(str(error), param, ctx)
        if not moment:
            self.fail("must be later than the beginning", param, ctx)
        return moment
