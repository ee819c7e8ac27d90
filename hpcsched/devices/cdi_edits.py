"""What a CDI file does to a container, checked against the node, as a Passthrough."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from hpcsched.devices.base import Passthrough
from hpcsched.devices.bounds import DAEMON_FOLDERS, check_dev_path, check_driver_path, check_node, is_beneath
from hpcsched.devices.cdi_file import Edits, FileMount, Node
from hpcsched.devices.libraries import is_library, names_of
from hpcsched.devices.tree import Tree
from hpcsched.errors import DeviceFailure
from hpcsched.model.container import DeviceNode, Mount


def passthrough(tree: Tree, edits: Sequence[Edits], whose: str) -> Passthrough:
    """Raises DeviceFailure, which begins with `whose`, for what is not there or must not be brought in."""
    mounts = [mount for one in edits for mount in _mounts(tree, one.mounts, whose)]
    nodes = [_node(tree, node, whose) for one in edits for node in one.device_nodes]
    env = [_variable(text, whose) for one in edits for text in one.env]
    return Passthrough(
        nodes=tuple(dict.fromkeys(nodes)),
        mounts=tuple(dict.fromkeys(mounts)),
        libraries=names_of(tree, [mount.source for mount in mounts if is_library(mount.source)]),
        env=tuple(dict(env).items()),
        drivers=tuple(dict.fromkeys((f"{whose}: not done", what) for one in edits for what in _left_out(one))),
    )


def check(edits: Sequence[Edits], whose: str) -> None:
    """Only what can be judged without the node: names, not what lies there. Raises DeviceFailure."""
    for one in edits:
        for mount in one.mounts:
            if not is_beneath(mount.host_path, DAEMON_FOLDERS):
                check_driver_path(mount.host_path, whose)
                check_driver_path(mount.container_path, whose)
        for node in one.device_nodes:
            node_path(node, whose)
        for text in one.env:
            _variable(text, whose)


def node_path(node: Node, whose: str) -> str:
    """The same on the node and inside. Raises DeviceFailure."""
    path = node.host_path or node.path
    check_dev_path(path, whose)
    if path != node.path:
        raise DeviceFailure(f"{whose} gives {path} the name {node.path} inside; a device keeps its name here")
    return path


def _mounts(tree: Tree, mounts: Iterable[FileMount], whose: str) -> Iterator[Mount]:
    """Read-only whatever the file asks for; the daemons' sockets are left out."""
    for mount in mounts:
        if is_beneath(mount.host_path, DAEMON_FOLDERS):
            continue
        source = tree.resolved(mount.host_path)
        for path in (mount.host_path, source, mount.container_path):
            check_driver_path(path, whose)
        if not (tree.at(source).is_file() or tree.at(source).is_dir()):
            raise DeviceFailure(f"{whose} names {mount.host_path}, which is not there any more", "write the CDI file anew")
        yield Mount(source, mount.container_path)


def _node(tree: Tree, wanted: Node, whose: str) -> DeviceNode:
    path = node_path(wanted, whose)
    place = tree.resolved(path)
    check_dev_path(place, whose)
    found = tree.node(place, _access(wanted.permissions))
    if found is None:
        raise DeviceFailure(f"{whose} names {path}, which is no device node of this node", "load its driver")
    check_node(found, whose)
    if wanted.major and (wanted.major, wanted.minor) != (found.major, found.minor):
        numbers = f"{wanted.major}:{wanted.minor}, the node has {found.major}:{found.minor}"
        raise DeviceFailure(f"{whose} says that {path} is {numbers}", "write the CDI file anew")
    return found


def _access(permissions: str) -> str:
    """Without mknod(2), which a job has no right to; all where nothing is said."""
    return "".join(letter for letter in "rw" if letter in permissions) or "rw"


def _variable(text: str, whose: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and text.isprintable()):
        raise DeviceFailure(f"{whose} sets {text!r}, which is not of the form NAME=VALUE")
    return name, value


def _left_out(edits: Edits) -> Iterator[str]:
    yield from (f"hook {hook.hook_name} {hook.path}" for hook in edits.hooks)
    if edits.net_devices:
        yield "netDevices"
    if edits.intel_rdt:
        yield "intelRdt"
    if edits.additional_gids:
        yield "additionalGids"
    yield from (f"socket {mount.host_path}" for mount in edits.mounts if is_beneath(mount.host_path, DAEMON_FOLDERS))
