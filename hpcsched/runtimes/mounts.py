"""Namespaces for the launch helper, and mounts in them, beneath a root that nothing can lead out of.

The standard library only. Targets are resolved as if the new root were `/` already
(openat2(2), RESOLVE_IN_ROOT), so that a symbolic link of an image stays inside the image.
"""

from __future__ import annotations

import ctypes
import errno
import os
import stat
import struct
from contextlib import suppress
from typing import Any

_LIBC = ctypes.CDLL(None, use_errno=True)
_OPENAT2, _OPEN_TREE, _MOVE_MOUNT, _MOUNT_SETATTR = 437, 428, 429, 442
_CLONE_NEWNS, _CLONE_NEWNET = 0x20000, 0x40000000
_MS_RDONLY, _MS_NOSUID, _MS_NODEV, _MS_NOEXEC, _MS_MOVE, _MS_REC, _MS_PRIVATE = 1, 2, 4, 8, 0x2000, 0x4000, 1 << 18
_AT_FDCWD, _AT_EMPTY_PATH, _AT_RECURSIVE = -100, 0x1000, 0x8000
_OPEN_TREE_CLONE, _OPEN_TREE_CLOEXEC = 1, os.O_CLOEXEC
_MOVE_BOTH_EMPTY = 0x4 | 0x40
_ATTR_RDONLY, _ATTR_NOSUID, _ATTR_NODEV, _ATTR_NOEXEC = 1, 2, 4, 8
_NO_MAGICLINKS, _NO_SYMLINKS, _IN_ROOT = 2, 4, 0x10


class MountFailure(Exception):
    """One line: what could not be mounted where, and why."""


def private_namespace() -> None:
    """From here on no mount of ours is seen by the node, and none of the node's by us."""
    _check(_LIBC.unshare(_CLONE_NEWNS), "a mount namespace")
    _check(_LIBC.mount(None, b"/", None, ctypes.c_ulong(_MS_REC | _MS_PRIVATE), None), "private mounts")


def enter_root(root: str) -> None:
    """It becomes `/` of this namespace and of this process; what was there lies beneath it. Also where `/` is a rootfs."""
    os.chdir(root)
    _check(_LIBC.mount(b".", b"/", None, ctypes.c_ulong(_MS_MOVE), None), "a move of the root")
    os.chroot(".")
    os.chdir("/")


def private_network() -> int:
    """A descriptor of a new network namespace; the caller stays in its own."""
    own = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_LIBC.unshare(_CLONE_NEWNET), "a network namespace")
        private = os.open("/proc/self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        enter_network(own)
    finally:
        os.close(own)
    return private


def enter_network(namespace: int) -> None:
    _check(_LIBC.setns(namespace, _CLONE_NEWNET), "a change of network namespace")


def mount_all(root: str, steps: list[dict[str, Any]]) -> list[str]:
    """Each step is `{kind, target, ...}` as `runtimes/rootfs.py` writes it; returns what was left out. Raises MountFailure.

    Only what is `optional` may fail; what is to be hidden may be missing.
    """
    skipped = []
    for step in steps:
        try:
            _mount_one(root, step)
        except OSError as error:
            if step["kind"] == "hide" and error.errno in (errno.ENOENT, errno.ENOTDIR):
                continue
            text = f"cannot mount {step.get('source') or step['kind']} on {step['target']}: {_reason(error)}"
            if not step.get("optional"):
                raise MountFailure(text) from None
            skipped.append(text)
    return skipped


def _reason(error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "there is a symbolic link in the path; give the path that it leads to"
    return error.strerror or str(error)


def _mount_one(root: str, step: dict[str, Any]) -> None:
    if step["kind"] == "overlay":
        _overlay(root, step)
    elif step["kind"] == "bind":
        _bind(root, step)
    else:
        _tmpfs(root, step)


def _overlay(root: str, step: dict[str, Any]) -> None:
    layers = ["lowerdir=" + ":".join(map(_escape, step["lower"]))]
    if step.get("upper"):
        layers += [f"upperdir={_escape(step['upper'])}", f"workdir={_escape(step['work'])}"]
    target = _open_beneath(root, step["target"])
    flags = 0 if step.get("upper") else _MS_RDONLY | _MS_NODEV
    _mount_on(target, "overlay", flags, ",".join(layers))


def _escape(path: str) -> str:
    return "".join(f"\\{letter}" if letter in "\\:," else letter for letter in path)


def _tmpfs(root: str, step: dict[str, Any]) -> None:
    hide = step["kind"] == "hide"
    target = _open_beneath(root, step["target"]) if hide else _make_beneath(root, step["target"], directory=True)
    flags = _MS_NOSUID | _MS_NODEV | (_MS_RDONLY | _MS_NOEXEC if hide else 0)
    _mount_on(target, "tmpfs", flags, "size=4k,mode=000" if hide else step["options"])


def _mount_on(target: int, kind: str, flags: int, options: str) -> None:
    try:
        path = f"/proc/self/fd/{target}".encode()
        result = _LIBC.mount(kind.encode(), path, kind.encode(), ctypes.c_ulong(flags), os.fsencode(options))
        _check(result, kind)
    finally:
        os.close(target)


def _bind(root: str, step: dict[str, Any]) -> None:
    source = _openat2(_AT_FDCWD, step["source"], os.O_PATH, _NO_SYMLINKS | _NO_MAGICLINKS)
    try:
        recursive = _AT_RECURSIVE if step.get("recursive") else 0
        flags = _OPEN_TREE_CLONE | _OPEN_TREE_CLOEXEC | _AT_EMPTY_PATH | recursive
        tree = system_call(_OPEN_TREE, source, b"", flags)
        is_directory = stat.S_ISDIR(os.fstat(source).st_mode)
    finally:
        os.close(source)
    try:
        _set_attributes(tree, recursive, 0 if step.get("as_is") else _attributes(step["read_only"]))
        _attach(tree, root, step["target"], is_directory)
    finally:
        os.close(tree)


def _attributes(read_only: bool) -> int:
    return _ATTR_NOSUID | _ATTR_NODEV | (_ATTR_RDONLY if read_only else 0)


def _set_attributes(tree: int, recursive: int, added: int) -> None:
    attributes = struct.pack("QQQQ", added, 0, _MS_PRIVATE, 0)
    system_call(_MOUNT_SETATTR, tree, b"", _AT_EMPTY_PATH | recursive, attributes, len(attributes))


def _attach(tree: int, root: str, target: str, is_directory: bool) -> None:
    place = _make_beneath(root, target, is_directory)
    try:
        system_call(_MOVE_MOUNT, tree, b"", place, b"", _MOVE_BOTH_EMPTY)
    finally:
        os.close(place)


def _open_beneath(root: str, target: str) -> int:
    folder = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _openat2(folder, target, os.O_PATH, _IN_ROOT | _NO_MAGICLINKS)
    finally:
        os.close(folder)


def _make_beneath(root: str, target: str, directory: bool) -> int:
    """The target, made where it is missing, with the folders above it."""
    try:
        return _open_beneath(root, target)
    except FileNotFoundError:
        above, name = os.path.split(target.rstrip("/"))
        parent = _make_beneath(root, above, directory=True)
    try:
        _make_in(parent, name, directory)
    finally:
        os.close(parent)
    return _open_beneath(root, target)


def _make_in(parent: int, name: str, directory: bool) -> None:
    if directory:
        os.mkdir(name, 0o755, dir_fd=parent)
    else:
        _drop_dangling_link(parent, name)
        os.close(os.open(name, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, 0o644, dir_fd=parent))


def _drop_dangling_link(parent: int, name: str) -> None:
    """An image may name the library of another driver version, e.g. libcuda.so.1: nothing was found there."""
    with suppress(FileNotFoundError):
        if stat.S_ISLNK(os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode):
            os.unlink(name, dir_fd=parent)


def _openat2(folder: int, path: str, flags: int, resolve: int) -> int:
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, 0, resolve)
    return system_call(_OPENAT2, folder, os.fsencode(path), how, len(how))


def open_without_links(path: str, flags: int, mode: int) -> int:
    """open(2) of an absolute path that must not lead over any symbolic link. Raises OSError (ELOOP)."""
    how = struct.pack("QQQ", flags | os.O_CLOEXEC, mode, _NO_SYMLINKS | _NO_MAGICLINKS)
    return system_call(_OPENAT2, _AT_FDCWD, os.fsencode(path), how, len(how))


def system_call(number: int, *arguments: int | bytes) -> int:
    """By its number, which is the same on x86-64 and arm64 for those used here. Raises OSError, MountFailure (no such call)."""
    converted = [ctypes.c_long(one) if isinstance(one, int) else ctypes.c_char_p(one) for one in arguments]
    result = _LIBC.syscall(ctypes.c_long(number), *converted)
    _check(result, f"system call {number}")
    return int(result)


def _check(result: int, what: str) -> None:
    if result < 0:
        number = ctypes.get_errno()
        if number == errno.ENOSYS:
            raise MountFailure(f"the kernel has no {what}; 5.12 or later is needed")
        raise OSError(number, os.strerror(number), what)
