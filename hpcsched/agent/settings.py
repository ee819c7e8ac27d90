"""What of an agent's settings can be judged without its node: the agent does so first, and so does who checks a file of them."""

from __future__ import annotations

from hpcsched.agent.health import check_room
from hpcsched.agent.inventory import check_folders
from hpcsched.agent.offer import owned_pus, reserved_memory
from hpcsched.client.channel import target
from hpcsched.config import AgentConfig
from hpcsched.errors import ConfigError, InvalidValue
from hpcsched.sched.constraint import FEATURE


def check(config: AgentConfig) -> None:
    """Raises ConfigError that names the key."""
    _check_controller(config.controller)
    owned_pus(config.cpus)
    reserved_memory(config.reserved_memory, 0)
    check_folders(config.cdi_dirs)
    check_room(config.disk_free)
    _check_features(config.features)


def _check_features(words: tuple[str, ...]) -> None:
    for word in words:
        if not FEATURE.fullmatch(word):
            raise ConfigError(f"[agent] features: bad word {word!r}: up to 64 letters, digits and _.:+=-")


def _check_controller(address: str) -> None:
    try:
        target(address)
    except InvalidValue as error:
        raise ConfigError(f"[agent] controller: {error}") from None
