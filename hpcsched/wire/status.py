"""Errors as gRPC statuses and back: one table."""

from __future__ import annotations

import grpc

from hpcsched import errors

PROTOCOL = 1
"""Version of what controller and agents say to each other."""

ERROR_KEY = "hpcsched-error"
"""Trailing metadata that names the class of the error, so that the other side raises the same one."""

_CODES: tuple[tuple[type[errors.HpcschedError], grpc.StatusCode], ...] = (
    (errors.InvalidValue, grpc.StatusCode.INVALID_ARGUMENT),
    (errors.Infeasible, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.NotFound, grpc.StatusCode.NOT_FOUND),
    (errors.AlreadyExists, grpc.StatusCode.ALREADY_EXISTS),
    (errors.Conflict, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.QueueFull, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.StoreFull, grpc.StatusCode.RESOURCE_EXHAUSTED),
    (errors.StoreBusy, grpc.StatusCode.ABORTED),
    (errors.StoreCorrupt, grpc.StatusCode.DATA_LOSS),
    (errors.VersionMismatch, grpc.StatusCode.FAILED_PRECONDITION),
    (errors.DeadlineExceeded, grpc.StatusCode.DEADLINE_EXCEEDED),
    (errors.Unreachable, grpc.StatusCode.UNAVAILABLE),
    (errors.Unsupported, grpc.StatusCode.UNIMPLEMENTED),
    (errors.HpcschedError, grpc.StatusCode.FAILED_PRECONDITION),
)
_BY_NAME = {kind.__name__: kind for kind, _ in _CODES}


def code_of(error: errors.HpcschedError) -> grpc.StatusCode:
    """The status code of an error: that of the first class in the table that it is an instance of."""
    return next(code for kind, code in _CODES if isinstance(error, kind))


def metadata_of(error: errors.HpcschedError) -> tuple[tuple[str, str], ...]:
    """The trailing metadata of an error."""
    return ((ERROR_KEY, next(kind.__name__ for kind, _ in _CODES if isinstance(error, kind))),)


def error_of(failure: grpc.RpcError, address: str) -> errors.HpcschedError:
    """The error behind a failed call to `address`; statuses that are not ours become the nearest of the tree."""
    code, details = failure.code(), " ".join((failure.details() or "").split())
    trailing = dict(failure.trailing_metadata() or ())
    name = trailing.get(ERROR_KEY)
    if name in _BY_NAME:
        return _BY_NAME[name](details)
    if code is grpc.StatusCode.UNAVAILABLE:
        return errors.Unreachable(f"no controller answers at {address}: is it running? (start one: hpcsched up)")
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return errors.DeadlineExceeded(f"the controller at {address} did not answer in time")
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED:
        return errors.InvalidValue(f"the call is too large: {details}")
    return errors.HpcschedError(f"{code.name}: {details}")
