"""Settings: TOML files to frozen values. Every key has a default, a bound and a sentence here."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from hpcsched.config import site as sites
from hpcsched.config.canary import CanaryConfig
from hpcsched.config.parse import choice, number, parse, parse_named, setting
from hpcsched.config.parse import keys as keys
from hpcsched.errors import ConfigError
from hpcsched.model.site import Site

DEFAULT_ADDRESS = "unix:///run/hpcsched/hpcsched.sock"
Settings = TypeVar("Settings", bound="ControllerConfig | AgentConfig | Tuning | CanaryConfig")
_TABLES = ("controller", "canary", "agent", "tuning.NAME", *sites.TABLES)


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
    max_array: int = setting(1_000_000, "tasks that a job array may have", 1, 10_000_000)
    equal_speed: str = setting("", "figure in which the nodes of a job should be alike, as stream.triad, if it names none")
    site: Site = field(default_factory=Site)
    """The tables of `hpcsched.config.site`."""
    canary: CanaryConfig = field(default_factory=CanaryConfig)
    """Table `[canary]`."""


@dataclass(frozen=True, slots=True)
class Tuning:
    """Table `[tuning.NAME]`: what a job may have changed on its node while it runs. None: left as it is."""

    governor: str | None = choice(
        "cpufreq governor of the job's CPUs", "performance", "powersave", "schedutil", "ondemand", "conservative", "userspace"
    )
    transparent_hugepage: str | None = choice("transparent huge pages", "always", "madvise", "never")
    numa_balancing: int | None = number("the kernel moves pages after their users: 0 off, 1 on, 2 between tiers", 0, 3)
    perf_event_paranoid: int | None = number("what unprivileged users may count, perf_event_open(2)", -1, 4)
    irq_affinity: str | None = choice("housekeeping: interrupts go to CPUs that the job does not have", "housekeeping")


HPC = Tuning("performance", "always", numa_balancing=0, irq_affinity="housekeeping")
"""As TuneD's profile hpc-compute has governor, huge pages and NUMA balancing; interrupts as its cpu-partitioning does."""
BUILT_IN = (("hpc", HPC), ("none", Tuning()))
"""`none` is for a job that does not want the site's."""


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """Table `[agent]`."""

    controller: str = setting(DEFAULT_ADDRESS, "address of the controller")
    name: str = setting("", "node name (default: the host name)")
    state_dir: str = setting("/var/lib/hpcsched/agent", "containers' writable layers and jobs' output")
    image_dir: str = setting("/var/lib/hpcsched/images", "images by name: folders or tar files of root file systems")
    cpus: str = setting("", "use only these PUs, as 0-3,8 (default: all)")
    reserved_cores: int = setting(0, "cores of the node that no job gets", 0, 65536)
    reserved_spread: str = setting(
        "first", "where reserved cores lie: first (on the first NUMA nodes) or numa (on each in turn)", choices=("first", "numa")
    )
    reserved_memory: str = setting("auto", "memory that no job gets, as 2G (auto: 2 % of the node, 256M to 4G)")
    mount_allow: tuple[str, ...] = setting(
        ("/data", "/home", "/mnt", "/scratch", "/srv", "/tmp", "/var/tmp"),
        "folders under which a job may ask for bind mounts (--mount)",
    )
    hide: tuple[str, ...] = setting(("/var/lib/hpcsched",), "folders that no container may see, beside the state folder")
    output_keep: int = setting(1000, "how many ended jobs keep their output files", 1, 1_000_000)
    devices: tuple[str, ...] = setting(("all",), "ids of the GPUs and NICs that jobs may have, or all")
    cdi_dirs: tuple[str, ...] = setting(("/etc/cdi", "/var/run/cdi"), "folders of CDI files that describe devices")
    cpu_partition: str = setting(
        "member",
        "cpuset partition of a job, cgroup v2: member, root, or isolated (no load balancing)",
        choices=("member", "root", "isolated"),
    )
    pids_limit: int = setting(1_000_000, "processes and threads that a job may have", 100, 4_194_304)
    tuning: str = setting("", "node tuning of jobs that ask for none: a table [tuning.NAME], or hpc")
    sample_s: float = setting(10.0, "how often a running job's memory placement is looked at (0: never)", 0, 86400)
    disk_free: str = setting("auto", "a node with less room in state_dir is drained, as 10G (auto: 1 % of its disk, up to 1G)")
    require_clock_sync: bool = setting(False, "drain the node while its clock is not synchronised (NTP, PTP)")
    features: tuple[str, ...] = setting((), "words for what this node is, which jobs ask for with --constraint, as epyc")
    tunings: tuple[tuple[str, Tuning], ...] = BUILT_IN
    """Tables `[tuning.NAME]` by name, beside those that are built in."""


def load(path: Path, section: str, kind: type[Settings]) -> Settings:
    """The table `section` of a TOML file. Raises ConfigError that names the file and the key."""
    document = _document(path)
    tunings = _tunings(document.get("tuning", {}), f"{path}: [tuning]")
    where = f"{path}: [{section}]"
    found = parse(document.get(section, {}), kind, where)
    if isinstance(found, AgentConfig):
        _check_tuning(found.tuning, tunings, where)
        return dataclasses.replace(found, tunings=tunings)
    if isinstance(found, ControllerConfig):
        canary = parse(document.get("canary", {}), CanaryConfig, f"{path}: [canary]")
        site = dataclasses.replace(sites.site(document, found.max_array, str(path)), equal_speed=found.equal_speed)
        return dataclasses.replace(found, site=site, canary=canary)
    return found


def site_tables(path: Path) -> list[tuple[str, Any]]:
    """The tables of `hpcsched.config.site` in a file that `load` has taken: (name, values)."""
    return sites.tables(_document(path), str(path))


def _document(path: Path) -> dict[str, Any]:
    try:
        document = tomllib.loads(path.read_text())
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: {error}") from None
    unknown = set(document) - {name.partition(".")[0] for name in _TABLES}
    if unknown:
        raise ConfigError(f"{path}: unknown table [{sorted(unknown)[0]}]; known: {', '.join(f'[{name}]' for name in _TABLES)}")
    return document


def _tunings(tables: Any, where: str) -> tuple[tuple[str, Tuning], ...]:
    """The built-in ones, or the file's of the same name, then the file's others."""
    return tuple({**dict(BUILT_IN), **parse_named(tables, Tuning, where)}.items())


def _check_tuning(name: str, tunings: tuple[tuple[str, Tuning], ...], where: str) -> None:
    known = dict(tunings)
    if name and name not in known:
        raise ConfigError(f"{where} tuning: there is no table [tuning.{name}]; known: {', '.join(known)}")
