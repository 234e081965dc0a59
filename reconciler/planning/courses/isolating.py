"""Isolation: the second proof that a superseded instance serves no more, for one whose stop hangs (design section 7.2).

First a group that allows all traffic, so that EC2 tracks no connection any more, then one without a rule; read back,
and our probe silent from then on. It is no proof that nothing is written to a volume, so none is moved for it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from providers.observed import Instance, ProbeOutcome
from providers.requests import SetSecurityGroups
from reconciler.health.verdict import RememberedHealth, Sign
from reconciler.planning.actions import Bucket, Course, Reason
from reconciler.planning.courses.unseen import gap_over
from reconciler.planning.decision import Decision, Situation
from reconciler.planning.intents import IntentState
from reconciler.planning.nature import Nature

SILENT_FOR = timedelta(minutes=2)


def isolate(here: Situation, holder: Instance) -> Decision | None:
    """The next step; None where no groups are declared, or nothing could prove that it is cut off."""
    groups = here.fleet.instance.isolation
    if groups is None or here.fleet.health.probe is None or not _is_zone_normal(here, holder):
        return None
    if holder.security_groups == (groups.empty,) and _cut_off_at(here, holder) is not None:
        silent_at = _silent_since(here, holder) + SILENT_FOR
        summary = f"{holder.id} is cut off; its probe must stay silent"
        return here.rest(Bucket.WAITING, summary, next_check_at=max(silent_at, here.now))
    untracked = holder.security_groups in ((groups.untracked,), (groups.empty,))
    group = groups.empty if untracked else groups.untracked
    detail = f"its stop hangs; {holder.id} is cut off by security groups"
    draft = here.draft(
        holder,
        SetSecurityGroups(instance_id=holder.id, security_groups=(group,)),
        nature=Nature.ENTAILED,
        course=Course.RESTORE,
        reason=Reason.SERVE_FENCE,
        detail=detail,
        continuation=True,
    )
    return here.act(detail, *here.not_open([draft]))


def is_isolated(here: Situation, holder: Instance) -> bool:
    """Whether it is proved to be cut off: the empty group read back, and its probe silent since, for two minutes."""
    groups = here.fleet.instance.isolation
    if groups is None or holder.security_groups != (groups.empty,):
        return False
    if _cut_off_at(here, holder) is None or not _is_zone_normal(here, holder):
        return False
    return here.now >= _silent_since(here, holder) + SILENT_FOR


def _is_zone_normal(here: Situation, holder: Instance) -> bool:
    """What EC2 says of a zone in trouble proves nothing."""
    zone = here.case.observation.zones.get(holder.zone)
    return zone is not None and zone.state == "available" and gap_over(here, holder.zone) is None


def _cut_off_at(here: Situation, holder: Instance) -> datetime | None:
    """When our change to the empty group was seen to have its effect, as far as the journal knows."""
    groups = here.fleet.instance.isolation
    return max(
        (
            intent.updated_at
            for intent in here.view.recent
            if isinstance(intent.action.request, SetSecurityGroups)
            and intent.action.request.instance_id == holder.id
            and groups is not None
            and intent.action.request.security_groups == (groups.empty,)
            and intent.state is IntentState.OBSERVED
        ),
        default=None,
    )


def _silent_since(here: Situation, holder: Instance) -> datetime:
    """Since when it is cut off and does not answer; now while it answers, or was not asked."""
    result, probe = here.case.observation.probes.get(holder.id), here.fleet.health.probe
    remembered = here.case.memory.health.get(holder.id)
    failing_since = _failing_since(remembered, probe.interval) if remembered and probe else None
    cut_off_at = _cut_off_at(here, holder)
    if result is None or result.outcome is not ProbeOutcome.FAILED:
        return here.now
    if failing_since is None or cut_off_at is None:
        return here.now
    return max(failing_since, cut_off_at)


def _failing_since(remembered: RememberedHealth, interval: timedelta) -> datetime | None:
    """Of what runs it is a dated sign. Of what stops failures are counted, which are an interval apart at least."""
    dated, last = remembered.since.get(Sign.PROBE), remembered.probe_failed_at
    if dated is not None or last is None:
        return dated
    return last - (remembered.probe_failures - 1) * interval
