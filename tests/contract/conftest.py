"""Fixtures of the contract tests; pytest finds them by name."""

from tests.support.ec2_cell import cell, shared_wire  # noqa: F401 - a fixture is used by its name
from tests.support.moto_server import moto, moto_server  # noqa: F401 - a fixture is used by its name
