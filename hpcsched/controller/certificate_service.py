"""CertificateService: what was proved of nodes, signed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

from hpcsched.controller import certificates
from hpcsched.controller.answers import answering, node_name, request_id
from hpcsched.controller.desk import Desk
from hpcsched.errors import NotFound
from hpcsched.model.certificate import Certified
from hpcsched.model.node import Node
from hpcsched.sched.certified import condensed, stale
from hpcsched.state.events import CertificateRevoked, Event, NodeCertified
from hpcsched.state.state import State
from hpcsched.v1 import certificate_service_pb2 as pb
from hpcsched.v1 import certificate_service_pb2_grpc
from hpcsched.wire.convert import to_message

FOLDER = "certificates"


class CertificateService(certificate_service_pb2_grpc.CertificateServiceServicer):  # type: ignore[misc]
    """See proto/hpcsched/v1/certificate_service.proto for what each call promises."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._vault = certificates.Vault(Path(desk.config.state_dir) / FOLDER)

    @answering
    async def IssueCertificate(self, request: Any, context: Any) -> Any:
        """A retry makes another one of the same figures, which takes the place of the first."""
        request_id(request.request_id)
        now = self._desk.loop.now()
        found, result = await asyncio.to_thread(certificates.certificate_of, request.result, now, version("hpcsched"))
        jobs = {job_id: await self._ended(job_id) for job_id in {sample.job_id for sample in result.samples}}
        certificates.check_jobs(result, jobs.get)
        signed = self._vault.signer.sign(found)

        def intent(state: State, now: float) -> Sequence[Event]:
            certificates.check_node(state.nodes.get(found.node), found, result)
            return (NodeCertified(now, found.node, condensed(found, signed.id)),)

        await self._desk.loop.do(intent)
        return pb.IssueCertificateResponse(file=await asyncio.to_thread(self._vault.keep, signed))

    async def _ended(self, job_id: int) -> Any:
        loop = self._desk.loop
        return await loop.look_up(self._desk.ledger.ended_job, job_id) if 0 < job_id < 1 << 63 else None

    @answering
    async def ListCertificates(self, request: Any, context: Any) -> Any:
        nodes = self._desk.loop.state.nodes
        if request.node and node_name(request.node) not in nodes:
            raise NotFound(f"there is no node {request.node!r}; `hpcsched nodes` lists those that are known")
        await self._desk.loop.settled()
        chosen = [nodes[name] for name in ([request.node] if request.node else sorted(nodes))]
        return pb.ListCertificatesResponse(certificates=[_listed(node, one) for node in chosen for one in node.certified])

    @answering
    async def GetCertificate(self, request: Any, context: Any) -> Any:
        return pb.GetCertificateResponse(file=await asyncio.to_thread(self._vault.read, request.id))

    @answering
    async def RevokeCertificate(self, request: Any, context: Any) -> Any:
        request_id(request.request_id)

        def intent(state: State, now: float) -> Sequence[Event]:
            names = list(_having(state, request.id))
            if not names:
                raise NotFound(f"no node has a certificate {request.id[:40]!r}; `hpcsched certificate list` lists them")
            return [CertificateRevoked(now, name, request.id) for name in names]

        await self._desk.loop.do(intent)
        return pb.RevokeCertificateResponse()

    @answering
    async def GetCertificateKey(self, request: Any, context: Any) -> Any:
        return pb.GetCertificateKeyResponse(key=self._vault.signer.public)


def _having(state: State, identity: str) -> Iterator[str]:
    return (node.name for node in state.nodes.values() if any(one.id == identity for one in node.certified))


def _listed(node: Node, certified: Certified) -> Any:
    reason = stale(certified, node.offer.facts)
    return pb.ListedCertificate(node=node.name, certified=to_message(certified), stale=reason)
