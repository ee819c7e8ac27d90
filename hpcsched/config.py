"""Settings: TOML files to frozen values. Every key has a default, a bound and a sentence here."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hpcsched.errors import ConfigError

DEFAULT_ADDRESS = "unix:///run/hpcsched/hpcsched.sock"
Settings = TypeVar("Settings", bound="ControllerConfig | AgentConfig")


def setting(default: Any, about: str, low: float | None = None, high: float | None = None) -> Any:
    """A field with its sentence and, for numbers, its bounds."""
    return field(default=default, metadata={"about": about, "low": low, "high": high})


@dataclass(frozen=True, slots=True)
class ControllerConfig:
    """Table `[controller]`."""

    listen: str = setting(DEFAULT_ADDRESS, "unix:///PATH, or tcp://HOST:PORT (loopback unless `insecure`)")
    insecure: bool = setting(False, "allow TCP on other addresses than loopback, without any encryption or authentication")
    state_dir: str = setting("/var/lib/hpcsched/controller", "the journal, records and lock")
    policy: str = setting("fifo", "scheduling policy")
    agent_timeout_s: float = setting(60.0, "a node without its agent for that long is DOWN and its jobs NODE_FAIL", 0.1, 86400)
    max_pending: int = setting(200_000, "jobs that may wait; more are refused", 1, 10_000_000)
    snapshot_events: int = setting(10_000, "events between two snapshots of the journal", 10, 10_000_000)


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """Table `[agent]`."""

    controller: str = setting(DEFAULT_ADDRESS, "address of the controller")
    name: str = setting("", "node name (default: the host name)")
    state_dir: str = setting("/var/lib/hpcsched/agent", "containers' writable layers and jobs' output")
    image_dir: str = setting("/var/lib/hpcsched/images", "images by name: folders or tar files of root file systems")
    cpus: str = setting("", "use only these PUs, as 0-3,8 (default: all)")
    reserved_cores: int = setting(0, "cores of the node that no job gets", 0, 65536)
    reserved_memory: str = setting("auto", "memory that no job gets, as 2G (auto: 2 % of the node, 256M to 4G)")
    mount_allow: tuple[str, ...] = setting(
        ("/data", "/home", "/mnt", "/scratch", "/srv", "/tmp"), "folders under which a job may ask for bind mounts (--mount)"
    )
    hide: tuple[str, ...] = setting(("/var/lib/hpcsched",), "folders that no container may see, beside the state folder")
    output_keep: int = setting(1000, "how many ended jobs keep their output files", 1, 1_000_000)


def load(path: Path, section: str, kind: type[Settings]) -> Settings:
    """The table `section` of a TOML file. Raises ConfigError that names the file and the key."""
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    unknown = set(document) - {"controller", "agent"}
    if unknown:
        raise ConfigError(f"{path}: unknown table [{sorted(unknown)[0]}]; known: [controller] and [agent]")
    return parse(document.get(section, {}), kind, f"{path}: [{section}]")


def parse(table: Any, kind: type[Settings], where: str) -> Settings:
    """Settings from a table of keys. Raises ConfigError that names the key."""
    if not isinstance(table, dict):
        raise ConfigError(f"{where} is not a table")
    fields = {item.name: item for item in dataclasses.fields(kind)}
    for key in table:
        if key not in fields:
            raise ConfigError(f"{where} has an unknown key {key!r}; known: {', '.join(fields)}")
    return kind(**{key: _checked(fields[key], value, where) for key, value in table.items()})


def _checked(item: dataclasses.Field[Any], value: Any, where: str) -> Any:
    wanted = type(item.default)
    if wanted is tuple and isinstance(value, list) and all(isinstance(part, str) for part in value):
        return tuple(value)
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted:
        raise ConfigError(
            f"{where} {item.name}: {value!r} is not {'a list of strings' if wanted is tuple else f'of type {wanted.__name__}'}"
        )
    low, high = item.metadata["low"], item.metadata["high"]
    if low is not None and not low <= value <= high:
        raise ConfigError(f"{where} {item.name}: {value} is outside {low:g} to {high:g}")
    return value
