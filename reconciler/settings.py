"""What the command line and its environment variables settle, before anything is opened.

Each has a flag and an environment twin: --desired RECONCILER_DESIRED, --store RECONCILER_STORE, --owner
RECONCILER_OWNER, --probe-proxy RECONCILER_PROBE_PROXY, --sentinel RECONCILER_SENTINEL. RECONCILER_DEBUG=1 shows
tracebacks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

OWNER_SHAPE = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")


class SettingsError(Exception):
    """A setting that is missing or unusable; says which, and how to give it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Where the desired state and the store are, and as whom the cloud is met.

    `desired` are files and directories. `store` is a path or a `sqlite:///` URL. `owner` is this installation's unique
    name, None where it was not given. `probe_proxy` is the URL of an HTTP proxy that probes go through. `sentinels` are
    places outside of the fleets that should always answer, as HOST:PORT.
    """

    desired: tuple[Path, ...]
    store: str
    owner: str | None
    probe_proxy: str | None
    sentinels: tuple[str, ...] = ()

    def require_owner(self) -> str:
        """The owner, checked. SettingsError when it is missing or is not a name."""
        if self.owner is None:
            raise SettingsError(
                "no owner is given: it is the unique name of this installation, and only resources tagged with it "
                "are ours. Give --owner NAME or set RECONCILER_OWNER"
            )
        if not OWNER_SHAPE.fullmatch(self.owner):
            raise SettingsError(
                f"{self.owner!r} can't be an owner: use 1 to 63 of a-z, 0-9 and -, beginning and ending with a "
                "letter or a digit"
            )
        return self.owner

    def require_desired(self) -> tuple[Path, ...]:
        """The paths of the desired state. SettingsError when none is given."""
        if not self.desired:
            raise SettingsError(
                "no desired state is given: name files or directories with --desired PATH or RECONCILER_DESIRED"
            )
        return self.desired

    def require_probe_proxy(self) -> str | None:
        """The proxy's URL, checked; None where probes go straight. SettingsError when it is not a URL of a proxy."""
        if self.probe_proxy is None:
            return None
        parts = urlsplit(self.probe_proxy)
        if parts.scheme != "http" or not parts.hostname:
            raise SettingsError(
                f"{self.probe_proxy!r} is not an HTTP proxy: write it as http://host:port"
            )
        return self.probe_proxy

    def require_sentinels(self) -> tuple[tuple[str, int], ...]:
        """Address and port of each, checked, none twice. SettingsError when one is not of that form."""
        return tuple(dict.fromkeys(_address_and_port(written) for written in self.sentinels))


def _address_and_port(written: str) -> tuple[str, int]:
    """An address and not a name: a resolver that fails would make every sentinel look silent."""
    host, _, port = written.rpartition(":")
    try:
        address = ip_address(host.removeprefix("[").removesuffix("]"))
    except ValueError:
        address = None
    if address is None or not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 2**16:
        raise SettingsError(
            f"{written!r} is not a sentinel: write an IP address and a port, as in 10.0.0.2:53"
        )
    return str(address), int(port)


def default_store(environ: Mapping[str, str], home: Path) -> Path:
    """Where the store is when nobody says: below XDG_STATE_HOME, or `~/.local/state`."""
    state = environ.get("XDG_STATE_HOME")
    base = Path(state) if state and Path(state).is_absolute() else home / ".local" / "state"
    return base / "fleet-reconciler" / "store.sqlite"
