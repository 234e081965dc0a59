"""`spec.health`: how long signs must last before they count, and the probe."""

from __future__ import annotations

from datetime import timedelta
from typing import Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from desired_state.documents.document import Document, Problem, refuse
from desired_state.documents.fields import Duration, HttpPath, Port
from desired_state.reading.quantities import format_duration


class HttpProbeDocument(Document):
    """A GET over plain HTTP; 200 to 399 is good."""

    port: Port = Field(description="TCP port.")
    path: HttpPath = Field(default="/", description="Path and query. Default: /.")


class ProbeDocument(Document):
    """How the controller asks an instance whether it serves: `tcp` or `http`, at its private address."""

    tcp: Port | None = Field(default=None, description="Good when a connection to this port opens.")
    http: HttpProbeDocument | None = Field(default=None, description="Good when a GET succeeds.")
    interval: Duration = Field(
        default=timedelta(seconds=10), description="Time between two probes. Default: 10s."
    )
    timeout: Duration = Field(
        default=timedelta(seconds=2),
        description="A probe that takes longer has failed; at most `interval`. Default: 2s.",
    )
    threshold: int = Field(
        default=3, ge=1, le=100, description="Failures in a row that make a sign. Default: 3."
    )

    @field_validator("timeout")
    @classmethod
    def _check_timeout(cls, timeout: timedelta, info: ValidationInfo) -> timedelta:
        interval = info.data.get("interval", timeout)
        if timeout > interval:
            at_most = f"must be at most the interval, {format_duration(interval)}"
            refuse([Problem(message=f"{at_most}, not {format_duration(timeout)}")])
        return timeout

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        if (self.tcp is None) == (self.http is None):
            refuse([Problem(message="must have either `tcp` or `http`")])
        return self


class HealthDocument(Document):
    """How long a sign must last before it counts."""

    startup_grace: Duration = Field(
        default=timedelta(minutes=10),
        description="After a launch, signs of ill health are not counted for this long. Default: 10m.",
    )
    unhealthy_after: Duration = Field(
        default=timedelta(minutes=3), description="A sign that lasts makes unhealthy. Default: 3m."
    )
    recover_after: Duration = Field(
        default=timedelta(minutes=2), description="Good signs that last make healthy. Default: 2m."
    )
    probe: ProbeDocument | None = Field(
        default=None, description="Default: none; then only EC2's own checks are evidence."
    )
