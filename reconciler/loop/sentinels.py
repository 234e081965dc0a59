"""Sentinels: services outside of the fleets that should always answer, e.g. a resolver or a gateway of the network.

When targets fall silent and the sentinels with them, it is the prober that can't see. They are looked at with the other
probes, in a rhythm of their own, and are found among the results under names of their own, never of an instance.
"""

from __future__ import annotations

from datetime import timedelta

from providers.observed import SENTINEL
from providers.port import ProbeTarget

LOOKED_AT_EVERY = timedelta(seconds=10)
TIMEOUT_S = 3.0


def sentinel(host: str, port: int) -> ProbeTarget:
    """What is to be probed for a sentinel: whether its port accepts connections."""
    written = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    return ProbeTarget(
        instance_id=f"{SENTINEL}{written}",
        address=host,
        port=port,
        path=None,
        timeout_s=TIMEOUT_S,
    )
