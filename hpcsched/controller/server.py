"""The controller daemon: one gRPC server, one loop, and the watch over absent agents."""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection

from hpcsched.client.channel import MAX_MESSAGE, target
from hpcsched.config import ControllerConfig
from hpcsched.controller import settings
from hpcsched.controller.accounting_service import AccountingService
from hpcsched.controller.agent_service import AgentService
from hpcsched.controller.canaries import CanaryWatch, forget_speeds
from hpcsched.controller.certificate_service import CertificateService
from hpcsched.controller.clock import read_clocks
from hpcsched.controller.desk import Desk
from hpcsched.controller.job_service import JobService
from hpcsched.controller.node_service import NodeService
from hpcsched.controller.reservation_service import ReservationService
from hpcsched.controller.site_service import SiteService
from hpcsched.errors import ConfigError, alone
from hpcsched.plugins import load
from hpcsched.state import decide
from hpcsched.state.events import Event
from hpcsched.state.state import State
from hpcsched.v1 import (
    accounting_service_pb2,
    accounting_service_pb2_grpc,
    agent_service_pb2,
    agent_service_pb2_grpc,
    certificate_service_pb2,
    certificate_service_pb2_grpc,
    job_service_pb2,
    job_service_pb2_grpc,
    node_service_pb2,
    node_service_pb2_grpc,
    reservation_service_pb2,
    reservation_service_pb2_grpc,
    site_service_pb2,
    site_service_pb2_grpc,
)

SOCKET_MODE = 0o660
MAX_CONCURRENT_CALLS = 100_000
STOP_GRACE_S = 1.0
_OPTIONS = (
    ("grpc.max_receive_message_length", MAX_MESSAGE),
    ("grpc.max_send_message_length", MAX_MESSAGE),
    ("grpc.so_reuseport", 0),
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.keepalive_timeout_ms", 10_000),
    ("grpc.http2.min_ping_interval_without_data_ms", 5_000),
)
_SERVICES = (
    (JobService, job_service_pb2_grpc.add_JobServiceServicer_to_server, job_service_pb2, "JobService"),
    (NodeService, node_service_pb2_grpc.add_NodeServiceServicer_to_server, node_service_pb2, "NodeService"),
    (
        ReservationService,
        reservation_service_pb2_grpc.add_ReservationServiceServicer_to_server,
        reservation_service_pb2,
        "ReservationService",
    ),
    (
        CertificateService,
        certificate_service_pb2_grpc.add_CertificateServiceServicer_to_server,
        certificate_service_pb2,
        "CertificateService",
    ),
    (SiteService, site_service_pb2_grpc.add_SiteServiceServicer_to_server, site_service_pb2, "SiteService"),
    (AgentService, agent_service_pb2_grpc.add_AgentServiceServicer_to_server, agent_service_pb2, "AgentService"),
    (
        AccountingService,
        accounting_service_pb2_grpc.add_AccountingServiceServicer_to_server,
        accounting_service_pb2,
        "AccountingService",
    ),
)


async def serve_controller(config: ControllerConfig, ready: Callable[[], None] = lambda: None) -> None:
    """Serve until cancelled. Raises ConfigError, StoreBusy, StoreCorrupt."""
    with alone():
        async with controller(config):
            ready()
            await asyncio.Event().wait()


@contextlib.asynccontextmanager
async def controller(config: ControllerConfig) -> AsyncIterator[Desk]:
    """A running controller; leaving ends its calls and writes a snapshot. A failure inside cancels the body."""
    settings.check(config)
    journal = load("stores", "sqlite")(_folder(config.state_dir))
    desk = Desk(config, journal, read_clocks)
    desk.canaries = CanaryWatch(desk) if config.canary.enabled else None
    await desk.loop.open()
    try:
        desk.disconnected_since.update(dict.fromkeys(desk.loop.state.nodes, time.monotonic()))
        async with desk.tasks, _daemons(desk), _server(desk):
            yield desk
    finally:
        await desk.loop.close()


@contextlib.asynccontextmanager
async def _daemons(desk: Desk) -> AsyncIterator[None]:
    turning = desk.tasks.create_task(desk.loop.run())
    watching = [desk.tasks.create_task(_watch(desk))]
    if desk.canaries:
        watching.append(desk.tasks.create_task(desk.canaries.run()))
    else:
        desk.background(forget_speeds(desk))
    try:
        yield
    finally:
        for task in watching:
            task.cancel()
        desk.loop.stop()
        await asyncio.wait([turning])


@contextlib.asynccontextmanager
async def _server(desk: Desk) -> AsyncIterator[None]:
    server = grpc.aio.server(options=_OPTIONS, maximum_concurrent_rpcs=MAX_CONCURRENT_CALLS)
    _add_services(server, desk)
    listen = desk.config.listen
    path = _clear_socket(listen)
    try:
        server.add_insecure_port(target(listen))
    except RuntimeError as error:
        raise ConfigError(f"cannot listen on {listen}: {error}") from None
    await server.start()
    if path:
        path.chmod(SOCKET_MODE)
    try:
        yield
    finally:
        await server.stop(STOP_GRACE_S)
        if path:
            path.unlink(missing_ok=True)


def _add_services(server: grpc.aio.Server, desk: Desk) -> None:
    names = [reflection.SERVICE_NAME, health.SERVICE_NAME]
    checker = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(checker, server)
    for kind, add, module, name in _SERVICES:
        add(kind(desk), server)
        names.append(module.DESCRIPTOR.services_by_name[name].full_name)
    reflection.enable_server_reflection(names, server)
    for name in ["", *names]:
        desk.tasks.create_task(checker.set(name, health_pb2.HealthCheckResponse.SERVING))


async def _watch(desk: Desk) -> None:
    """Give nodes up whose agent has been away for too long."""
    timeout = desk.config.agent_timeout_s
    while True:
        await asyncio.sleep(min(1.0, timeout / 4))
        away = [name for name, since in desk.disconnected_since.items() if time.monotonic() - since >= timeout]
        if away:
            await desk.loop.insist(partial(_expire, away, timeout))
            for name in away:
                desk.disconnected_since.pop(name, None)


def _expire(away: Sequence[str], timeout: float, state: State, now: float) -> Sequence[Event]:
    """That they were away for long enough has been found by another clock."""
    return decide.expire(state, dict.fromkeys(away, -math.inf), now, timeout)


def _folder(path: str) -> Path:
    try:
        Path(path).mkdir(mode=0o750, parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"cannot make the folder {path}: {error.strerror}") from None
    return Path(path)


def _clear_socket(listen: str) -> Path | None:
    """The path of a Unix socket, its folder made and a dead socket there removed. Raises ConfigError when it is alive."""
    if not listen.startswith("unix://"):
        return None
    path = Path(listen.removeprefix("unix://"))
    if len(os.fsencode(path)) > 107:
        raise ConfigError(f"the socket path {path} is longer than 107 bytes (unix(7)): choose a shorter folder")
    _folder(str(path.parent))
    if path.exists() or path.is_symlink():
        _refuse_living(path)
        path.unlink()
    return path


def _refuse_living(path: Path) -> None:
    if not path.is_socket():
        raise ConfigError(f"{path} exists and is no socket: choose another address")
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            return
    raise ConfigError(f"another controller answers at {path}: stop it, or choose another address")
