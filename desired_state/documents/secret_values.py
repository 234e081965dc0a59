"""Secrets have no place in user data or tags: refused, with where they belong."""

from __future__ import annotations

from collections.abc import Iterator

from desired_state.documents.document import Problem
from desired_state.reading.secrets import secrets_in

ADVICE = (
    "whoever may describe the instance can read it; fetch it at boot from SSM Parameter Store "
    "or Secrets Manager"
)


def secret_problems(text: str, *, at: tuple[str | int, ...] = ()) -> Iterator[Problem]:
    """One problem for each kind of secret that the text seems to hold; the secret itself is not repeated."""
    told: set[str] = set()
    for secret in secrets_in(text):
        if secret.what not in told:
            told.add(secret.what)
            line = text.count("\n", 0, secret.start) + 1
            where = f" in its line {line}" if "\n" in text else ""
            yield Problem(message=f"holds what looks like {secret.what}{where}", at=at, hint=ADVICE)
