"""Scenes of volumes that do not serve, and of what is not known of them."""

from __future__ import annotations

from providers.observed import GapSubject
from tests.support.backed_up import backed_up, databases
from tests.support.cases import Scene
from tests.support.fleets import MINUTE
from tests.support.resources import volume_id
from tests.support.volume_health import metrics, slow


def _three_databases() -> Scene:
    """All due for a snapshot."""
    return backed_up(databases(replicas=3))


def a_volume_is_stuck() -> Scene:
    """EC2 and CloudWatch both name it; another one is only slow. The third one alone is snapshotted."""
    scene = _three_databases()
    stuck, only_slow = volume_id("shared-postgres/0"), volume_id("shared-postgres/1")
    scene.stalled(stuck, lasting=12 * MINUTE)
    scene.volume_io[stuck] = metrics(stuck, *("stalled",) * 4, until=scene.now - MINUTE)
    scene.volume_status[only_slow] = slow(only_slow)
    return scene


def io_is_disabled() -> Scene:
    """EBS switched it off for possibly inconsistent data: its owner enables it and checks, or restores."""
    scene = _three_databases()
    scene.stalled(volume_id("shared-postgres/2"), lasting=40 * MINUTE, disabled=True)
    return scene


def volume_status_not_read() -> Scene:
    """Whether volumes are well is not known: their backups wait."""
    scene = _three_databases()
    scene.gap(GapSubject.VOLUME_STATUS, code="RequestLimitExceeded")
    return scene


STUCK = (a_volume_is_stuck, io_is_disabled, volume_status_not_read)
