"""The inputs of the cases, made here: features of six classes, and images in MNIST's format."""

import gzip
import random
import struct


def array(kind, shape, values):
    """A .npy file's bytes: little-endian floats (`f`) or 64-bit integers (`q`)."""
    name = {"f": "<f4", "q": "<i8"}[kind]
    header = f"{{'descr': '{name}', 'fortran_order': False, 'shape': {shape}, }}"
    header += " " * (63 - (10 + len(header)) % 64) + "\n"
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    return start + struct.pack(f"<{len(values)}{kind}", *values)


def features(row_count, feature_count, class_count=6):
    """Rows that a line parts, and their labels."""
    draw = random.Random(1)
    labels = [row % class_count for row in range(row_count)]
    values = [draw.gauss(1.5 if column % class_count == label else 0, 1)
              for label in labels for column in range(feature_count)]
    return (array("f", (row_count, feature_count), values),
            array("q", (row_count,), labels))


def images(count):
    """An IDX file of images of 28 x 28 bytes."""
    draw = random.Random(2)
    return struct.pack(">IIII", 0x803, count, 28, 28) + draw.randbytes(count * 784)


def labels(count, first=0):
    """An IDX file of labels of ten classes."""
    return struct.pack(">II", 0x801, count) + bytes(first + row % 10 for row in range(count))


MNIST = {
    "train-images-idx3-ubyte.gz": images(100), "train-labels-idx1-ubyte.gz": labels(100),
    "t10k-images-idx3-ubyte.gz": images(50), "t10k-labels-idx1-ubyte.gz": labels(50),
}


def mnist(folder):
    """A data set of a hundred images; its files may then be spoiled."""
    folder.mkdir()
    for name, content in MNIST.items():
        (folder / name).write_bytes(gzip.compress(content))
    return folder


def write(folder):
    """What cases share."""
    folder.mkdir()
    for name, content in zip(("x.npy", "y.npy"), features(300, 16)):
        (folder / name).write_bytes(content)
    # A quarter of a million bytes, which no coding makes smaller.
    for name, content in zip(("wide-x.npy", "wide-y.npy"), features(1_000, 64)):
        (folder / name).write_bytes(content)
