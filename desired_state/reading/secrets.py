"""Secrets recognised by their shape, so that they are refused in files and never shown.

User data and tags are readable by everyone who may describe an instance, and by every process on it. The patterns
are those that are rarely anything else; a value that is looked up at boot (`$(...)`, `$NAME`, `<...>`) is none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_LITERAL = r"""["']?(?!(?:true|false|yes|no|none|null)\b)(?P<value>[^\s"'$<>{}`()*][^\s"'`]{3,})"""

# Repetitions are bounded where they could overlap, so that no text makes a search slow.
_PATTERNS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("an AWS access key id", re.compile(r"\b(?P<value>(?:AKIA|ASIA)[0-9A-Z]{16})\b")),
    ("a private key", re.compile(r"(?P<value>-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY-----)")),
    ("a GitHub token", re.compile(r"\b(?P<value>gh[pousr]_[0-9A-Za-z]{36,255})\b")),
    ("a Slack token", re.compile(r"\b(?P<value>xox[abeoprs]-[0-9A-Za-z-]{10,200})\b")),
    (
        "a password in a URL",
        re.compile(r"\b[a-z][a-z0-9+.-]{1,15}://[^\s:/@$]{1,64}:(?P<value>[^\s:/@$<{`]{3,200})@"),
    ),
    (
        "a secret",
        re.compile(
            r"(?i)(?<![a-z0-9])"
            r"(?:secret[_-]?access[_-]?key|secret[_-]?key|api[_-]?key|(?:auth|access)[_-]?token)"
            r"""["']?\s*[=:]\s*""" + _LITERAL,
        ),
    ),
    (
        "a password",
        re.compile(r"""(?i)(?:password|passwd|passphrase)["']?\s*[=:]\s*""" + _LITERAL),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundSecret:
    """What looks like a secret: what it is, and where in the text its value begins and ends."""

    what: str
    start: int
    end: int


def secrets_in(text: str) -> Iterator[FoundSecret]:
    """All that looks like a secret in the text, kind by kind."""
    for what, pattern in _PATTERNS:
        for found in pattern.finditer(text):
            start, end = found.span("value")
            yield FoundSecret(what=what, start=start, end=end)


def masked(text: str) -> str:
    """The text with an asterisk for each character of a secret, so that columns stay where they are."""
    for secret in list(secrets_in(text)):
        text = text[: secret.start] + "*" * (secret.end - secret.start) + text[secret.end :]
    return text
