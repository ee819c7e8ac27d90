"""The public Python client."""

from hpcsched.client.client import Client
from hpcsched.client.exec import ExecSession
from hpcsched.model.job import JobSpec, ResourceRequest

__all__ = ["Client", "ExecSession", "JobSpec", "ResourceRequest"]
