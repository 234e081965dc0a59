"""How long things take, as ranges of seconds from which each case draws. TRUSTED.md gives the source of each."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from providers.simulated.chance import Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """The parameters of all lifecycles."""

    pending_s: Range = (8.0, 40.0)
    boot_s: Range = (20.0, 60.0)
    """From `running` until the application answers."""
    first_checks_s: Range = (90.0, 240.0)
    """From `running` until the status checks say something other than `initializing`."""
    check_lag_s: Range = (60.0, 120.0)
    """From trouble in an instance, or its end, until a status check shows it."""
    volume_status_lag_s: Range = (120.0, 300.0)
    """From trouble in a volume, or its end, until DescribeVolumeStatus shows it."""
    stopping_s: Range = (10.0, 60.0)
    hung_stop_s: Range = (230.0, 265.0)
    """Of a guest that hangs; the graceful part runs into its time-out first."""
    forced_stop_s: Range = (15.0, 30.0)
    """With SkipOsShutdown."""
    shutting_down_s: Range = (10.0, 90.0)
    stopped_ends_s: Range = (1.0, 5.0)
    """From TerminateInstances to `terminated` of an instance that is stopped."""
    terminated_shown_s: Range = (3600.0, 3600.0)
    attaching_s: Range = (2.0, 10.0)
    detaching_s: Range = (2.0, 15.0)
    creating_s: Range = (2.0, 10.0)
    deleting_s: Range = (1.0, 10.0)
    snapshot_least_s: Range = (20.0, 60.0)
    snapshot_per_gib_s: Range = (0.5, 2.0)
    copy_least_s: Range = (60.0, 180.0)
    """Of a snapshot to another region."""
    copy_per_gib_s: Range = (1.0, 4.0)
    fill_mib_s: float = 100.0
    """At which a volume is filled from its snapshot, in the background."""
    token_kept: timedelta = timedelta(hours=24)
    page_token_kept: timedelta = timedelta(minutes=10)
