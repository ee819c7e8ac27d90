"""What every source of images must do."""

import subprocess
import threading

import pytest

from hpcsched.errors import ImageError
from hpcsched.images import store as module
from hpcsched.images.store import ImageStore


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


@pytest.fixture
def store(images, tmp_path):
    return ImageStore(images, tmp_path / "cache")


def a_root(folder):
    for name in ("etc", "usr/bin"):
        (folder / name).mkdir(parents=True)
    (folder / "etc/os-release").write_text("NAME=small\n")
    (folder / "usr/bin/tool").write_text("#!/bin/sh\n")
    (folder / "usr/bin/tool").chmod(0o4755)
    (folder / "bin").symlink_to("usr/bin")
    return folder


def pack(folder, archive, *compress):
    subprocess.run(["tar", *compress, "-cf", archive, "-C", folder, "."], check=True)


def test_host_is_the_nodes_own_root(store):
    prepared = store.prepare("host")
    assert (str(prepared.lower), prepared.kind) == ("/", "host")


def test_a_folder_is_found_by_name_and_by_path(store, images):
    a_root(images / "small")
    by_name, by_path = store.prepare("small"), store.prepare(str(images / "small"))
    assert by_name == by_path
    assert (by_name.lower, by_name.kind) == (images / "small", "folder")


@pytest.mark.parametrize(
    ("ending", "compress"), [(".tar", []), (".tar.gz", ["-z"]), (".tgz", ["-z"]), (".tar.xz", ["-J"]), (".tar.zst", ["--zstd"])]
)
def test_each_kind_of_archive_is_unpacked_whole(store, images, tmp_path, ending, compress):
    archive = images / f"small{ending}"
    pack(a_root(tmp_path / "root"), archive, *compress)
    prepared = store.prepare("small")
    assert prepared.kind == "tar"
    assert (prepared.lower / "etc/os-release").read_text() == "NAME=small\n"
    assert (prepared.lower / "usr/bin/tool").stat().st_mode & 0o7777 == 0o4755
    assert (prepared.lower / "bin").is_symlink()
    assert store.prepare(str(archive)) == prepared


def test_an_archive_is_unpacked_once_and_again_when_it_changed(store, images, tmp_path):
    root = a_root(tmp_path / "root")
    pack(root, images / "small.tar")
    first = store.prepare("small").lower
    (first / "marker").write_text("the same folder")
    assert (store.prepare("small").lower / "marker").exists()
    (root / "etc/os-release").write_text("NAME=other, and longer\n")
    pack(root, images / "small.tar")
    second = store.prepare("small").lower
    assert second != first
    assert (second / "etc/os-release").read_text() == "NAME=other, and longer\n"


def test_concurrent_starts_share_one_unpacking(store, images, tmp_path, monkeypatch):
    pack(a_root(tmp_path / "root"), images / "small.tar")
    extract, calls = module._extract, []
    monkeypatch.setattr(module, "_extract", lambda *arguments: (calls.append(1), extract(*arguments)))
    found = []
    threads = [threading.Thread(target=lambda: found.append(store.prepare("small").lower)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(found)) == len(calls) == 1


def test_half_an_unpacking_is_done_again(store, images, tmp_path, monkeypatch):
    pack(a_root(tmp_path / "root"), images / "small.tar")

    def killed(archive, into):
        (into / "half").write_text("")
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(module, "_extract", killed)
        patch.setattr(module.shutil, "rmtree", lambda *_arguments, **_options: None)
        with pytest.raises(KeyboardInterrupt):
            store.prepare("small")
    assert list((tmp_path / "cache").glob(".small*new*")), "as kill -9 leaves it"
    lower = store.prepare("small").lower
    assert not (lower / "half").exists()
    assert (lower / "etc/os-release").exists()
    assert not list((tmp_path / "cache").glob(".small*new*"))


@pytest.mark.parametrize("name", ["", ".", "..", "../etc", "a/b", ".hidden", "nul\0"])
def test_a_name_that_is_no_plain_name_is_refused(store, name):
    with pytest.raises(ImageError, match="bad image name"):
        store.prepare(name)


@pytest.mark.parametrize("image", ["absent", "/no/such/image"])
def test_what_is_not_there_is_refused_with_what_to_do(store, image):
    with pytest.raises(ImageError, match=r"no image '.*: give host"):
        store.prepare(image)


def test_a_folder_that_is_no_root_is_refused(store, images):
    (images / "empty").mkdir()
    with pytest.raises(ImageError, match="no root file system"):
        store.prepare("empty")


def test_an_archive_that_is_no_root_is_refused_and_leaves_nothing(store, images, tmp_path):
    (tmp_path / "other").mkdir()
    (tmp_path / "other/file").write_text("x")
    pack(tmp_path / "other", images / "other.tar")
    with pytest.raises(ImageError, match="no root file system"):
        store.prepare("other")
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []


def test_a_file_that_is_no_archive_is_refused(store, images):
    (images / "text.tar").write_text("this is no tar archive\n" * 100)
    (images / "image.iso").write_text("x")
    with pytest.raises(ImageError, match="cannot be unpacked"):
        store.prepare("text")
    with pytest.raises(ImageError, match="neither a folder nor one of"):
        store.prepare(str(images / "image.iso"))


def test_a_truncated_archive_is_refused_and_leaves_nothing(store, images, tmp_path):
    pack(a_root(tmp_path / "root"), images / "cut.tar.gz", "-z")
    whole = (images / "cut.tar.gz").read_bytes()
    (images / "cut.tar.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ImageError, match="cannot be unpacked"):
        store.prepare("cut")
    assert [path for path in (tmp_path / "cache").iterdir() if path.is_dir()] == []
