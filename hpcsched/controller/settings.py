"""What of a controller's settings can be judged before it starts: it does so first, and so does who checks a file of them."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from hpcsched import plugins
from hpcsched.bench.suite import choose
from hpcsched.client.channel import target
from hpcsched.config import ControllerConfig
from hpcsched.config.canary import CanaryConfig
from hpcsched.errors import ConfigError, InvalidValue, NotFound
from hpcsched.sched.speeds import check_metric

POLICIES = "policies"
MIN_INTERVAL_S = 1


def check(config: ControllerConfig) -> None:
    """Raises ConfigError that names the key."""
    _check_listen(config)
    known = plugins.names(POLICIES)
    if config.policy not in known:
        raise ConfigError(f"[controller] policy: there is no {config.policy!r}; known: {', '.join(known) or 'none'}")
    try:
        check_metric(config.equal_speed)
    except InvalidValue as error:
        raise ConfigError(f"[controller] equal_speed: {error}") from None
    if config.canary.enabled:
        _check_canary(config.canary)


def _check_canary(config: CanaryConfig) -> None:
    if not config.benchmarks:
        raise ConfigError('[canary] benchmarks: name at least one, as ["stream"]')
    for key, least in (("interval", MIN_INTERVAL_S), ("retest_interval", 1), ("pause", MIN_INTERVAL_S)):
        if getattr(config, key) < least:
            raise ConfigError(f"[canary] {key}: at least {least}s")
    try:
        choose(config.benchmarks, Path(config.folder) if config.folder else None)
    except (NotFound, InvalidValue) as error:
        raise ConfigError(f"[canary] benchmarks: {error}") from None


def _check_listen(config: ControllerConfig) -> None:
    """Raises ConfigError for TCP that others could reach, unless that was asked for."""
    try:
        host, _, port = target(config.listen).rpartition(":")
    except InvalidValue as error:
        raise ConfigError(f"[controller] listen: {error}") from None
    if config.listen.startswith("unix:") or config.insecure or _is_loopback(host.strip("[]")):
        return
    raise ConfigError(
        f"[controller] listen: at {host}:{port} anyone who reaches it could run jobs as root: "
        "use a unix:// or loopback address, or say --insecure"
    )


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
