"""SVHN's archives in the real layout, tiny."""

import io
import tarfile

import numpy as np
import pytest
from PIL import Image

# name → label, and each digit's left, top, width, height; 10 is the digit 0.
TRAIN = {
    "1.png": [(1, 10, 8, 6, 12), (10, 16, 9, 6, 12)],
    "2.png": [(7, 20, 10, 10, 16)],
    "3.png": [(digit, 4 * digit, 5, 4, 10) for digit in range(1, 7)],  # six digits: left out
    "4.png": [(5, 2, 3, 8, 20), (10, 12, 4, 8, 20), (9, 22, 5, 8, 20)],
}
TEST = {"1.png": [(3, 5, 5, 20, 20)], "2.png": [(2, 1, 2, 9, 9), (8, 11, 2, 9, 9)]}


def colour(place, part):
    return (40 * place + 20, 100, 200 if part == "train" else 50)


def digit_struct(numbers):
    """The bytes of a digitStruct.mat as MATLAB 7.3 writes it: HDF5 behind a block of 512 bytes."""
    h5py = pytest.importorskip("h5py")
    kept = io.BytesIO()
    with h5py.File(kept, "w", userblock_size=512) as file:
        refs, struct = file.create_group("#refs#"), file.create_group("digitStruct")
        reference = h5py.special_dtype(ref=h5py.Reference)
        names, boxes = [], []
        for place, (name, digits) in enumerate(numbers.items()):
            letters = np.array([[ord(letter)] for letter in name], np.uint16)
            names.append(refs.create_dataset(f"name{place}", data=letters).ref)
            box = refs.create_group(f"bbox{place}")
            columns = zip(
                ("label", "left", "top", "width", "height"), zip(*digits, strict=True), strict=True
            )
            for key, values in columns:
                if len(values) == 1:  # the value itself
                    box.create_dataset(key, data=np.array([[float(values[0])]]))
                    continue
                of_digits = [
                    [refs.create_dataset(f"{key}{place}-{k}", data=np.array([[float(value)]])).ref]
                    for k, value in enumerate(values)
                ]
                box.create_dataset(key, data=np.array(of_digits, reference), dtype=reference)
            boxes.append(box.ref)
        for key, references in (("name", names), ("bbox", boxes)):
            data = np.array(references, reference)[:, None]
            struct.create_dataset(key, data=data, dtype=reference)
    return kept.getvalue()


def archive(part, numbers, without=()):
    """A tar.gz of pictures in an order of its own, digitStruct.mat among the last."""
    content = {}
    for place, name in enumerate(numbers):
        picture = io.BytesIO()
        Image.new("RGB", (40, 30), colour(place, part)).save(picture, "PNG")
        content[name] = picture.getvalue()
    content = dict(reversed(content.items())) | {"digitStruct.mat": digit_struct(numbers)}
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        tar.addfile(tarfile.TarInfo(f"{part}/see_bboxes.m"), io.BytesIO())
        for name, raw in content.items():
            if name in without:
                continue
            member = tarfile.TarInfo(f"{part}/{name}")
            member.size = len(raw)
            tar.addfile(member, io.BytesIO(raw))
    return packed.getvalue()
