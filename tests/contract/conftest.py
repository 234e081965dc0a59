"""Fixtures of the contract tests."""

from tests.support.moto_server import moto, moto_server  # noqa: F401 - fixtures are found by name
