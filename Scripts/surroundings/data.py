"""Data that is not there, not to be read, or not what it should be."""

import gzip
import os
import zipfile

import inputs
from trial import Skip, Wrong, as_user, case, needs_root

IMAGES, LABELS = "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"


def reading(place, **more):
    """Runs a job on the folder `data`, of which not more than the reading matters."""
    return place.run(
        place.coordinator, "run", "--dataset", "mnist", "--data-dir", place.folder / "data",
        "--epochs", "1", "--head-epochs", "1", "--heads", "pairs", "--workers", "1", "--bind",
        "tcp://127.0.0.1:0", "--run-dir", "run", **more)


def spoiled(place, content, name=IMAGES):
    """The same, with another content of one file."""
    inputs.mnist(place.folder / "data")
    (place.folder / "data" / name).write_bytes(content)
    return reading(place)


@case("data: as it should be")
def _(place):
    inputs.mnist(place.folder / "data")
    reading(place).expect(0)


@case("data: no folder")
def _(place):
    reading(place).refuses(65, "data", "fetch-data|--data-dir")


@case("data: may not be read")
def _(place):
    needs_root()
    folder = inputs.mnist(place.folder / "data")
    (folder / IMAGES).chmod(0o600)
    place.folder.chmod(0o777)
    reading(place, under=as_user()).refuses(65, "permission|may not be read", IMAGES)


@case("data: a folder in the file's place")
def _(place):
    folder = inputs.mnist(place.folder / "data")
    (folder / IMAGES).unlink()
    (folder / IMAGES).mkdir()
    reading(place).refuses(65, "folder|directory", IMAGES)


@case("data: a link that leads nowhere")
def _(place):
    folder = inputs.mnist(place.folder / "data")
    (folder / IMAGES).unlink()
    (folder / IMAGES).symlink_to("elsewhere")
    reading(place).refuses(65, "link", IMAGES)


@case("data: another usual spelling of the name")
def _(place):
    folder = inputs.mnist(place.folder / "data")
    (folder / IMAGES).rename(folder / "train-images.idx3-ubyte.gz")
    outcome = reading(place).expect({0, 65})
    if outcome.status:
        outcome.refuses(65, r"train-images\.idx3-ubyte")


@case("data: a web page")
def _(place):
    spoiled(place, b"<!DOCTYPE html>\n<html><body>Not found</body></html>\n").refuses(
        65, "html|web page", IMAGES)


@case("data: a pointer of Git LFS")
def _(place):
    spoiled(place, b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12\n"
            ).refuses(65, "lfs", IMAGES)


@case("data: a zip archive")
def _(place):
    with zipfile.ZipFile(place.folder / "images.zip", "w") as archive:
        archive.writestr("train-images-idx3-ubyte", inputs.images(10))
    spoiled(place, (place.folder / "images.zip").read_bytes()).refuses(65, "zip", IMAGES)


@case("data: an empty file")
def _(place):
    spoiled(place, b"").refuses(65, "empty|ends at byte 0", IMAGES)


@case("data: gzip cut in the middle")
def _(place):
    content = gzip.compress(inputs.images(100))
    spoiled(place, content[:len(content) // 2]).refuses(65, IMAGES)


@case("data: gzip with zeros behind it")
def _(place):
    spoiled(place, gzip.compress(inputs.images(100)) + bytes(1_024)).expect(0)


@case("data: labels that begin at 1")
def _(place):
    outcome = spoiled(place, gzip.compress(inputs.labels(100, first=1)), LABELS).refuses(
        65, "label", r"\b(1|10)\b")
    if "get the file again" in outcome.errors:
        raise Wrong("the file is whole, and the same would come again")


@case("data: classes without rows are named at once")
def _(place):
    content = bytes(row % 7 for row in range(100))
    head = inputs.labels(100)[:8]
    outcome = spoiled(place, gzip.compress(head + content), LABELS).expect({0, 65})
    if outcome.status:
        outcome.refuses(65, r"7.*8.*9|7 to 9")


@case("data: results.json is empty")
def _(place):
    run = place.finished()
    (run / "results.json").write_bytes(b"")
    place.run(place.coordinator, "evaluate", run).refuses(65, r"results\.json")


@case("data: features that are not numbers")
def _(place):
    values = [float("nan") if number == 77 else 1.0 for number in range(20 * 16)]
    x, y = place.folder / "x.npy", place.folder / "y.npy"
    x.write_bytes(inputs.array("f", (20, 16), values))
    y.write_bytes(inputs.array("q", (20,), [row % 2 for row in range(20)]))
    place.run(*place.job("--workers", "1", features=(x, y))).refuses(65, "row 4", "column 13")


@case("data: more labels than rows")
def _(place):
    y = place.folder / "y.npy"
    y.write_bytes(inputs.array("q", (301,), [row % 6 for row in range(301)]))
    place.run(*place.job("--workers", "1", features=(place.shared / "x.npy", y))).refuses(
        65, "301", "300")


@case("data: the environment's folder does not hide Debian's")
def _(place):
    if not os.path.isdir("/usr/share/datasets/fashion-mnist"):
        raise Skip("needs dataset-fashion-mnist")
    place.run(
        place.coordinator, "run", "--dataset", "fashion-mnist", "--every", "2000", "--epochs", "1",
        "--head-epochs", "1", "--heads", "pairs", "--workers", "1", "--bind", "tcp://127.0.0.1:0",
        "--run-dir", "run", env={"MANYHEADS_DATA": os.fspath(place.folder)}).expect(0)
