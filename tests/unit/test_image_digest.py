"""Images are told apart by what they are."""

import os
from pathlib import Path

from hpcsched.images.digest import Digests

NODE = "the node's own"


def folder(images: Path, name: str, **files: str) -> Path:
    for file, text in files.items():
        path = images / name / file.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (images / name).mkdir(parents=True, exist_ok=True)
    return images / name


def digests(tmp_path: Path) -> Digests:
    root = folder(tmp_path, NODE, **{"etc__os-release": "ID=debian"})
    return Digests(tmp_path / "images", tmp_path / "known.json", root)


def test_a_folder_with_other_packages_is_another_image(tmp_path: Path) -> None:
    path = folder(tmp_path / "images", "rocky", **{"etc__os-release": "ID=rocky", "var__lib__dpkg__status": "Package: a"})
    before = digests(tmp_path).of("rocky")
    (path / "var/lib/dpkg/status").write_text("Package: b")
    assert before
    assert digests(tmp_path).of("rocky") not in ("", before)


def test_the_same_packages_in_another_folder_are_the_same_image(tmp_path: Path) -> None:
    for name in ("one", "two"):
        folder(tmp_path / "images", name, **{"etc__os-release": "ID=rocky"})
    assert digests(tmp_path).of("one") == digests(tmp_path).of("two") != digests(tmp_path).of("host")


def test_a_folder_that_does_not_say_what_is_installed_has_no_digest(tmp_path: Path) -> None:
    folder(tmp_path / "images", "bare", bin__sh="anything")
    assert digests(tmp_path).of("bare") == ""


def test_an_archive_with_another_byte_is_another_image_also_when_it_is_as_long(tmp_path: Path) -> None:
    archive = tmp_path / "images" / "suse.tar.gz"
    archive.parent.mkdir()
    archive.write_bytes(b"one")
    before = digests(tmp_path).of("suse")
    archive.write_bytes(b"two")
    os.utime(archive, (1, 1))
    assert before
    assert digests(tmp_path).of("suse") not in ("", before)


def test_images_are_named_without_the_ending_of_their_archive(tmp_path: Path) -> None:
    folder(tmp_path / "images", "rocky")
    (tmp_path / "images" / "suse.tar.gz").write_bytes(b"x")
    (tmp_path / "images" / ".unfinished").write_bytes(b"x")
    assert digests(tmp_path).names() == ["host", "rocky", "suse"]


def test_an_image_that_is_not_there_has_no_digest(tmp_path: Path) -> None:
    assert digests(tmp_path).of("nowhere") == ""
