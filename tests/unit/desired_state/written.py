"""Documents as people write them, for tests: the smallest ones that are valid, and parts to put into them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from desired_state.load import DesiredStateError, load
from desired_state.model import DesiredState

WEB = """\
apiVersion: reconciler/v1
kind: Fleet
metadata: {name: web}
spec:
  replicas: 6
  placement:
    account: "210987654321"
    region: us-east-1
    zones: [use1-az1, use1-az2]
  instance:
    image: ami-0abc1234def567890
    types: [m6i.large]
    subnets: {use1-az1: subnet-1, use1-az2: subnet-2}
    securityGroups: [sg-1]
  health:
    probe: {tcp: 80}
"""
"""The smallest fleet without a warning."""

POSTGRES = (
    WEB.replace("name: web", "name: shared-postgres")
    + """\
  volumes:
    - name: data
      device: /dev/sdf
      size: 200GiB
      backup:
        snapshots: {every: 15m}
        maxLoss: 45m
        copyTo: us-west-2
"""
)

POLICY = """\
apiVersion: reconciler/v1
kind: SafetyPolicy
metadata: {name: careful}
spec: {}
"""

FILE = "fleets.yaml"


def with_change(document: str, old: str, new: str) -> str:
    """The document with one part, which must be in it once, written differently."""
    assert document.count(old) == 1, f"{old!r} is {document.count(old)} times in the document"
    return document.replace(old, new)


def load_files(files: Mapping[str, str]) -> DesiredState:
    """Write the files into the current directory and load them, in the order of the mapping."""
    for name, text in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(text, encoding="utf-8", newline="")
    return load([Path(name) for name in files])


def load_text(text: str) -> DesiredState:
    """Load one file with this text."""
    return load_files({FILE: text})


def refusal_of(text: str) -> str:
    """What is said about a file with this text."""
    return refusal_of_files({FILE: text})


def refusal_of_files(files: Mapping[str, str]) -> str:
    """What is said about the files."""
    with pytest.raises(DesiredStateError) as refused:
        load_files(files)
    return str(refused.value)
