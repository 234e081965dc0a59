from __future__ import annotations

from pathlib import Path

import pytest

from reconciler.settings import Settings, SettingsError, default_store


def settings(**changes: object) -> Settings:
    """Settings in which everything is given."""
    given = {
        "desired": (Path("fleets"),),
        "store": "store.sqlite",
        "owner": "prod-east",
        "probe_proxy": None,
        **changes,
    }
    return Settings(**given)  # type: ignore[arg-type]


@pytest.mark.parametrize("owner", ["a", "prod-east", "x1", "a" * 63])
def test_a_name_of_small_letters_digits_and_dashes_is_an_owner(owner: str) -> None:
    assert settings(owner=owner).require_owner() == owner


@pytest.mark.parametrize("owner", ["", "Prod", "prod_east", "-prod", "prod-", "a" * 64, "a b", "é"])
def test_anything_else_is_refused_with_the_shape_of_an_owner(owner: str) -> None:
    with pytest.raises(SettingsError, match="1 to 63 of a-z, 0-9 and -"):
        settings(owner=owner).require_owner()


def test_the_owner_has_no_default() -> None:
    with pytest.raises(SettingsError, match="RECONCILER_OWNER"):
        settings(owner=None).require_owner()


def test_the_desired_state_has_no_default() -> None:
    with pytest.raises(SettingsError, match="RECONCILER_DESIRED"):
        settings(desired=()).require_desired()


@pytest.mark.parametrize("proxy", ["127.0.0.1:8080", "https://proxy:1", "http://", "socks5://a:1"])
def test_a_probe_proxy_that_is_no_http_url_is_refused(proxy: str) -> None:
    with pytest.raises(SettingsError, match="http://host:port"):
        settings(probe_proxy=proxy).require_probe_proxy()


def test_sentinels_are_addresses_with_a_port_each_once() -> None:
    given = settings(sentinels=("10.0.0.2:53", "[fd00::1]:443", "10.0.0.2:53"))
    assert given.require_sentinels() == (("10.0.0.2", 53), ("fd00::1", 443))


@pytest.mark.parametrize(
    "written",
    ["10.0.0.2", "resolver.internal:53", "10.0.0.2:", "10.0.0.2:0", "10.0.0.2:65536", ":53", ""],
)
def test_a_sentinel_that_is_no_address_with_a_port_is_refused(written: str) -> None:
    with pytest.raises(SettingsError, match=r"as in 10\.0\.0\.2:53"):
        settings(sentinels=(written,)).require_sentinels()


def test_the_store_is_below_the_state_directory() -> None:
    home = Path("/srv/erin")
    below_home = home / ".local/state/fleet-reconciler/store.sqlite"
    assert default_store({}, home) == below_home
    assert default_store({"XDG_STATE_HOME": "relative"}, home) == below_home
    assert default_store({"XDG_STATE_HOME": "/srv/state"}, home) == Path(
        "/srv/state/fleet-reconciler/store.sqlite"
    )
