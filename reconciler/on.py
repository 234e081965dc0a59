"""What users' handlers import.

    from reconciler import on

    @on.before(on.TerminateInstance)
    def drain(context: on.ActionContext[on.TerminateInstance]) -> None:
        if still_busy(context.request.instance_id):
            raise on.TemporaryError("connections are still open", delay=30)

`on.action` carries a request out in our place, `on.before` may hold it back, `on.after` runs at least once when the
cloud has taken it, `on.check` yields evidence about an instance. Loaded by `reconciler run --handlers FILE`.
"""

from providers.observed import Instance
from providers.port import Receipt
from providers.requests import (
    AttachVolume,
    CopySnapshot,
    CreateSnapshot,
    CreateSnapshots,
    DeleteCopy,
    DeleteSnapshot,
    DeleteVolume,
    DetachVolume,
    KeepVolumeOnTermination,
    LaunchInstance,
    RebootInstance,
    ResizeVolume,
    SetMetadataOptions,
    SetSecurityGroups,
    SetTags,
    StartInstance,
    StopInstance,
    TerminateInstance,
)
from reconciler.execution.handlers import (
    ActionContext,
    CheckContext,
    PermanentError,
    TemporaryError,
    action,
    after,
    before,
    check,
)
from reconciler.health.verdict import Evidence, Sign, Weight

__all__ = [
    "ActionContext",
    "AttachVolume",
    "CheckContext",
    "CopySnapshot",
    "CreateSnapshot",
    "CreateSnapshots",
    "DeleteCopy",
    "DeleteSnapshot",
    "DeleteVolume",
    "DetachVolume",
    "Evidence",
    "Instance",
    "KeepVolumeOnTermination",
    "LaunchInstance",
    "PermanentError",
    "RebootInstance",
    "Receipt",
    "ResizeVolume",
    "SetMetadataOptions",
    "SetSecurityGroups",
    "SetTags",
    "Sign",
    "StartInstance",
    "StopInstance",
    "TemporaryError",
    "TerminateInstance",
    "Weight",
    "action",
    "after",
    "before",
    "check",
]
