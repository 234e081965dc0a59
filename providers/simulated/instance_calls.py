"""The calls that change named instances. Those that name several do all or nothing (TRUSTED.md, part A)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from providers.simulated.capacity import Capacity
from providers.simulated.launching import check_groups
from providers.simulated.lifecycle import Lifecycle
from providers.simulated.records import Instance
from providers.simulated.refusals import (
    Refused,
    incorrect_instance_state,
    malformed,
    no_instance,
)
from providers.simulated.replies import Item, state_item
from providers.simulated.throttling import Throttling
from providers.simulated.world import World

Parameters = Mapping[str, Any]


class InstanceCalls:
    """Stop, start, reboot, terminate, modify."""

    def __init__(
        self, world: World, *, lifecycle: Lifecycle, capacity: Capacity, throttling: Throttling
    ) -> None:
        self._world = world
        self._lifecycle = lifecycle
        self._capacity = capacity
        self._throttling = throttling

    def terminate(self, parameters: Parameters) -> Item:
        """TerminateInstances. A protected instance saves those of its own zone; the others end (aws-facts B4)."""
        instances = self._named(parameters)
        self._throttling.take_resources("TerminateInstances", len(instances))
        protected = [item for item in instances if item.termination_protected and item.alive]
        saved = {item.zone for item in protected}
        before = [item for item in instances if item.zone not in saved]
        reply = self._each(before, self._lifecycle.terminate)
        if protected:
            raise Refused(
                "OperationNotPermitted",
                f"The instance '{protected[0].id}' may not be terminated. Modify its 'disableApiTermination' instance "
                "attribute and try again.",
            )
        return {"TerminatingInstances": reply}

    def stop(self, parameters: Parameters) -> Item:
        """StopInstances. Force alone still waits for the guest; SkipOsShutdown does not."""
        instances = self._named(parameters)
        for item in instances:
            if item.state not in ("running", "stopping", "stopped"):
                raise incorrect_instance_state(
                    f"The instance '{item.id}' is not in a state from which it can be stopped."
                )
        self._throttling.take_resources("StopInstances", len(instances))
        skips = bool(parameters.get("SkipOsShutdown"))

        def stop(instance: Instance) -> None:
            self._lifecycle.stop(instance, skip_os_shutdown=skips)

        return {"StoppingInstances": self._each(instances, stop)}

    def start(self, parameters: Parameters) -> Item:
        """StartInstances. A stopped instance has to find room again."""
        instances = self._named(parameters)
        for item in instances:
            if item.state not in ("running", "pending", "stopped"):
                raise incorrect_instance_state(
                    f"The instance '{item.id}' is not in a state from which it can be started."
                )
        self._throttling.take_resources("StartInstances", len(instances))
        for item in instances:
            if item.state == "stopped":
                self._capacity.claim("StartInstances", item.zone, item.type)
        return {"StartingInstances": self._each(instances, self._lifecycle.start)}

    def reboot(self, parameters: Parameters) -> Item:
        """RebootInstances: answers nothing, and leaves no trace."""
        self._each(self._named(parameters), self._lifecycle.reboot)
        return {}

    def modify_attribute(self, parameters: Parameters) -> Item:
        """ModifyInstanceAttribute of groups, block devices or protection. Raises Refused."""
        instance = self._one(parameters["InstanceId"])
        if not instance.alive:
            raise incorrect_instance_state(f"The instance '{instance.id}' has ended.")
        if (groups := parameters.get("Groups")) is not None:
            check_groups(self._world, groups)
            changed = replace(instance, security_groups=tuple(sorted(groups)))
            self._put(instance, changed, "groups")
        if (protection := parameters.get("DisableApiTermination")) is not None:
            changed = replace(instance, termination_protected=bool(protection["Value"]))
            self._put(instance, changed, "protection")
        for mapping in parameters.get("BlockDeviceMappings", ()):
            self._keep_or_not(self._one(instance.id), mapping)
        return {}

    def modify_metadata_options(self, parameters: Parameters) -> Item:
        """ModifyInstanceMetadataOptions."""
        instance = self._one(parameters["InstanceId"])
        if not instance.alive:
            raise incorrect_instance_state(f"The instance '{instance.id}' has ended.")
        given = {name: value for name, value in parameters.items() if name != "InstanceId"}
        options = {**instance.metadata_options, **given}
        self._put(instance, replace(instance, metadata_options=options), "metadata options")
        return {"InstanceId": instance.id, "InstanceMetadataOptions": options}

    def _keep_or_not(self, instance: Instance, mapping: Mapping[str, Any]) -> None:
        device, ebs = mapping.get("DeviceName"), mapping.get("Ebs", {})
        attachment = next((item for item in instance.attachments if item.device == device), None)
        if attachment is None or ebs.get("VolumeId", attachment.volume_id) != attachment.volume_id:
            raise Refused(
                "InvalidInstanceAttributeValue", f"No device is currently mapped at {device}"
            )
        kept = replace(attachment, delete_on_termination=bool(ebs.get("DeleteOnTermination")))
        if kept == attachment:
            return
        volume = self._world.volumes.current[attachment.volume_id]
        attachments = tuple(
            kept if item.volume_id == kept.volume_id else item for item in instance.attachments
        )
        self._world.put_instance(replace(instance, attachments=attachments), "block devices")
        self._world.put_volume(replace(volume, attachment=kept), "delete on termination")

    def _put(self, before: Instance, after: Instance, what: str) -> None:
        if after != before:
            self._world.put_instance(after, what)

    def _each(self, instances: Sequence[Instance], does: Callable[[Instance], None]) -> list[Item]:
        """Do it to each; the states before and after, as EC2 answers."""
        answers = []
        for instance in instances:
            does(instance)
            after = self._world.instances.current[instance.id]
            answers.append(
                {
                    "InstanceId": instance.id,
                    "PreviousState": state_item(instance.state),
                    "CurrentState": state_item(after.state),
                }
            )
        return answers

    def _named(self, parameters: Parameters) -> list[Instance]:
        """All of the named instances. Raises Refused when one is not there."""
        asked = list(dict.fromkeys(parameters["InstanceIds"]))
        for identifier in asked:
            if not identifier.startswith("i-"):
                raise malformed("InvalidInstanceID", identifier)
        known = self._world.instances.current
        if absent := [key for key in asked if key not in known]:
            raise no_instance(*absent)
        return [known[key] for key in asked]

    def _one(self, identifier: str) -> Instance:
        instance = self._world.instances.current.get(identifier)
        if instance is None:
            raise no_instance(identifier)
        return instance
