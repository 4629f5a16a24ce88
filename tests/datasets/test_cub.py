"""The reader of CUB-200-2011 on a tiny archive in the real layout."""

import io
import shutil
import tarfile
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

import stn_lesson as stn
from stn_lesson.datasets import cub, load_birds
from stn_lesson.datasets.download import DownloadError
from stn_lesson.files import FileError

# Number in the lists: (file, species, to learn from, width, height, box, part 2 if it is seen).
BIRDS = {
    1: ("001.Black_footed_Albatross/Black_Footed_Albatross_0046_18.jpg", 1, 0, 61, 41,
        (10, 5, 21, 11), (30, 20)),
    2: ("001.Black_footed_Albatross/Black_Footed_Albatross_0009_34.jpg", 1, 1, 41, 41,
        (0, 0, 41, 41), None),
    3: ("002.Laysan_Albatross/Laysan_Albatross_0002_1027.jpg", 2, 1, 101, 51,
        (50, 25, 51, 26), (0, 50)),
    4: ("200.Common_Yellowthroat/Common_Yellowthroat_0003_190521.jpg", 200, 1, 41, 81,
        (20, 20, 11, 31), (20, 40)),
}  # fmt: skip


def picture(number):
    """A picture of one colour, as bytes of a JPEG; the third is grey."""
    width, height = BIRDS[number][3:5]
    colour, mode = ((40 * number, 100, 200), "RGB") if number != 3 else (120, "L")
    packed = io.BytesIO()
    Image.new(mode, (width, height), colour).save(packed, "jpeg", quality=95)
    return packed.getvalue()


def lists():
    """The lists, as they stand in the archive: numbers with a point, all fifteen parts."""
    seen = {number: bird[6] for number, bird in BIRDS.items()}
    parts = [
        (number, part, *(map(float, seen[number]) if shown else (0.0, 0.0)), int(shown))
        for number in BIRDS
        for part in range(1, 16)
        for shown in [part == 2 and seen[number] is not None]
    ]
    rows = {
        "images.txt": [(n, bird[0]) for n, bird in BIRDS.items()],
        "image_class_labels.txt": [(n, bird[1]) for n, bird in BIRDS.items()],
        "train_test_split.txt": [(n, bird[2]) for n, bird in BIRDS.items()],
        "bounding_boxes.txt": [(n, *map(float, bird[5])) for n, bird in BIRDS.items()],
        "parts/part_locs.txt": parts,
        "README": [("not", "read")],
    }
    return {
        name: "".join(" ".join(map(str, row)) + "\n" for row in of) for name, of in rows.items()
    }


def pack(folder, without=()):
    """The archive, pictures first and lists last, as a .tgz."""
    files = {f"images/{BIRDS[n][0]}": picture(n) for n in (3, 1, 4, 2)}
    files |= {name: text.encode() for name, text in lists().items()}
    folder.mkdir(exist_ok=True)
    with tarfile.open(folder / "CUB_200_2011.tgz", "w:gz") as tar:
        tar.addfile(tarfile.TarInfo("attributes.txt"), io.BytesIO())
        for name, content in files.items():
            if name not in without:
                info = tarfile.TarInfo(f"CUB_200_2011/{name}")
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return pack(tmp_path_factory.mktemp("cub"))


@pytest.fixture(scope="module")
def data(folder):
    return load_birds(folder, size=32)


def test_pictures_labels_and_splits_read_back_whatever_their_order_in_the_archive(data):
    assert data.train.labels.tolist() == [0, 1, 199] and data.test.labels.tolist() == [0]
    means = [image.float().mean((1, 2)).round().tolist() for image in data.train.images]
    for mean, colour in zip(means, [(80, 100, 200), (120,) * 3, (160, 100, 200)], strict=True):
        assert np.allclose(mean, colour, atol=3)
    assert data.test.images.shape == (1, 3, 32, 32) and data.test.images.dtype == torch.uint8


def test_places_of_parts_are_told_from_minus_one_to_one_and_hidden_ones_are_nan(data):
    parts = torch.cat([data.train.parts, data.test.parts])
    assert parts.shape == (4, 15, 2)
    assert parts[0].isnan().all() and parts[:, [0, *range(2, 15)]].isnan().all()
    assert parts[1:, 1].tolist() == [[-1, 1], [0, 0], [0, 0]]


def test_poses_cut_out_the_boxes(data):
    assert data.train.poses[0].tolist() == [[1, 0, 0], [0, 1, 0]]
    assert torch.allclose(data.train.poses[1], torch.tensor([[0.5, 0, 0.5], [0, 0.5, 0.5]]))
    left_top = data.test.poses @ torch.tensor([-1.0, -1.0, 1.0])
    x, y = stn.to_pixels(left_top, 41, 61)
    assert (x.item(), y.item()) == pytest.approx((10, 5), abs=1e-4)


def test_what_was_read_once_is_not_read_again(data, folder, monkeypatch):
    monkeypatch.setattr(cub, "stream_archive", None)
    again = load_birds(folder, size=32)
    assert torch.equal(again.train.images, data.train.images)
    assert {path.name for path in folder.iterdir()} == {
        "CUB_200_2011.tgz", "lists.npz", "birds-32.npy"
    }  # fmt: skip


def test_an_archive_that_is_cut_short_or_lacks_a_file_is_told(tmp_path):
    whole = pack(tmp_path / "short") / "CUB_200_2011.tgz"
    whole.write_bytes(whole.read_bytes()[:-600])
    with pytest.raises(DownloadError, match="is damaged or cut short.*delete it and run it again"):
        load_birds(whole.parent, size=32)
    with pytest.raises(DownloadError, match=r"lacks parts/part_locs.txt: delete it"):
        load_birds(pack(tmp_path / "listless", ["parts/part_locs.txt"]), size=32)


def test_a_flipped_bit_of_an_archive_is_seen_where_its_checksum_stands_at_the_end(tmp_path):
    pack(tmp_path)
    archive = next(tmp_path.glob("*.tgz"))
    content = bytearray(archive.read_bytes())
    content[-5] ^= 1  # of the checksum that gzip keeps
    archive.write_bytes(content)
    with pytest.raises(DownloadError, match="is damaged or cut short"):
        load_birds(tmp_path, size=32)


def test_a_broken_picture_is_the_archives_fault_and_leaves_nothing_begun(tmp_path, monkeypatch):
    whole = picture
    monkeypatch.setitem(globals(), "picture", lambda number: whole(number)[:-100])
    with pytest.raises(DownloadError, match="CUB_200_2011.tgz is damaged or cut short"):
        load_birds(pack(tmp_path), size=32)
    assert not list(tmp_path.glob("birds*"))


def test_deleting_the_archive_as_told_takes_the_lists_that_were_read_in_it_too(
    tmp_path, monkeypatch
):
    whole = picture
    with monkeypatch.context() as broken:
        broken.setitem(globals(), "picture", lambda number: whole(number)[:-100])
        with pytest.raises(DownloadError, match="delete it and run it again"):
            load_birds(pack(tmp_path), size=32)
    monkeypatch.setitem(BIRDS, 1, (BIRDS[1][0], 7, *BIRDS[1][2:]))
    assert load_birds(pack(tmp_path), size=32).test.labels.tolist() == [6]


def test_a_picture_that_went_missing_leaves_nothing_of_its_name(tmp_path):
    load_birds(pack(tmp_path), size=32)
    pack(tmp_path, [f"images/{BIRDS[4][0]}"])
    with pytest.raises(DownloadError, match="lacks images/200.Common"):
        load_birds(tmp_path, size=48)
    assert not list(tmp_path.glob("birds-48*"))


def test_a_disk_that_is_too_small_is_told_before_anything_is_fetched(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=10**9))
    with pytest.raises(FileError, match=r"CUB-200-2011 needs 8,248.3 MB in .*1,000.0 MB are free"):
        load_birds(tmp_path, size=448)
    assert "1.2 GB to download and 7.1 GB of pictures" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_what_has_come_is_not_asked_for_twice(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(shutil, "disk_usage", lambda place: SimpleNamespace(free=0))
    with open(tmp_path / "CUB_200_2011.tgz.part", "wb") as part:
        part.truncate(950_585_339)
    with pytest.raises(FileError, match=r"CUB-200-2011 needs 1,974.4 MB in"):
        load_birds(tmp_path)
    assert "0.2 GB to download and 1.8 GB of pictures" in capsys.readouterr().out


def test_lists_that_went_missing_are_told_to_be_downloaded(tmp_path, monkeypatch, capsys):
    load_birds(pack(tmp_path), size=32)
    for name in ("lists.npz", "CUB_200_2011.tgz"):
        (tmp_path / name).unlink()
    capsys.readouterr()
    monkeypatch.setattr(cub, "ADDRESS", "http://127.0.0.1:9/CUB_200_2011.tgz")
    with pytest.raises(DownloadError, match=r"could not be fetched"):
        load_birds(tmp_path, size=32)
    assert "1.2 GB to download and 0.0 GB of pictures" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["birds-32.npy", "lists.npz"])
def test_a_kept_file_that_is_cut_short_is_made_again(tmp_path, capsys, name):
    whole = load_birds(pack(tmp_path), size=32).train.images.clone()
    (tmp_path / name).write_bytes((tmp_path / name).read_bytes()[:-1])
    assert torch.equal(load_birds(tmp_path, size=32).train.images, whole)
    assert f"{name} is damaged, cut short or of another kind: it is made" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        {"train": np.array(10)},
        {"train": np.array([3, 3])},
        {"labels": np.array([0, 1])},
        {"labels": np.array(list("abcd"))},
        {"boxes": np.full((4, 4), np.nan, np.float32)},
        {"parts": np.zeros((4, 2))},
    ],
    ids=["train", "train several", "labels short", "labels letters", "boxes", "parts"],
)
def test_kept_lists_that_were_changed_are_read_anew(tmp_path, capsys, change):
    labels = load_birds(pack(tmp_path), size=32).train.labels
    with np.load(tmp_path / "lists.npz") as file:
        np.savez(tmp_path / "lists.npz", **dict(file) | change)
    again = load_birds(tmp_path, size=32)
    assert torch.equal(again.train.labels, labels) and len(again.test) == 1
    assert "lists.npz is damaged, cut short or of another kind" in capsys.readouterr().out


def test_pictures_of_another_archive_are_not_taken_for_its_labels(tmp_path, monkeypatch):
    load_birds(pack(tmp_path), size=32)
    (tmp_path / "lists.npz").unlink()
    monkeypatch.setitem(globals(), "BIRDS", {1: BIRDS[4], 2: BIRDS[2], 3: BIRDS[3], 4: BIRDS[1]})
    train = load_birds(pack(tmp_path), size=32).train
    assert train.labels.tolist() == [199, 0, 1] and train.images[0, 0].float().mean() < 50


@pytest.mark.parametrize(
    ("name", "old", "new", "told"),
    [
        ("bounding_boxes.txt", "4 20.0 20.0", "4 20.0 nan", "line 4 of bounding_boxes.txt must be"),
        ("bounding_boxes.txt", "4 20.0 20.0", "4 20.0 1e39", "line 4 of bounding_boxes.txt must"),
        ("bounding_boxes.txt", "4 20.0 20.0", "4 left 20.0", "line 4 .* got '4 left 20.0 11.0"),
        ("bounding_boxes.txt", "11.0 31.0", "0.0 31.0", "line 4 .* a height of 1 or more"),
        ("bounding_boxes.txt", "11.0 31.0", "11.0", "line 4 of bounding_boxes.txt must be"),
        ("image_class_labels.txt", "1 1\n", "1 0\n", "line 1 .* species from 1 to 200, got '1 0'"),
        ("image_class_labels.txt", "4 200", "4 201", "line 4 of image_class_labels.txt must be"),
        ("image_class_labels.txt", "4 200", "3 200", "line 4 .*, got '3 200'"),
        ("image_class_labels.txt", "4 200\n", "", "image_class_labels.txt lacks picture 4"),
        ("train_test_split.txt", " 0\n", " 1\n", "must have pictures to learn from, and others"),
        ("parts/part_locs.txt", "1 15 0.0", "1 16 0.0", "line 15 .* a part up to 15"),
        ("parts/part_locs.txt", "4 2 20.0", "4 2 inf", "line 47 of parts/part_locs.txt must be"),
        ("parts/part_locs.txt", "4 1 0.0", "4 0 0.0", "line 46 of parts/part_locs.txt must be"),
        ("parts/part_locs.txt", "4 1 0.0", "-1 1 0.0", "line 46 .* got '-1 1 0.0 0.0 0'"),
        ("images.txt", "4 200", "1000000000 200", "must be a number in images.txt and a species"),
        ("images.txt", lists()["images.txt"], "", "line 1 .* must be a number in images.txt"),
        ("images.txt", "Common_Yellowthroat_0003", "Rare", "line 4 of images.txt must be"),
        ("images.txt", BIRDS[1][0], BIRDS[2][0], "images.txt has one name twice"),
    ],
)
def test_a_line_that_cannot_be_is_the_archives_fault_and_deleting_it_helps(
    tmp_path, monkeypatch, name, old, new, told
):
    right = lists()
    assert old in right[name]
    with monkeypatch.context() as wrong:
        changed = right | {name: right[name].replace(old, new, 1)}
        wrong.setitem(globals(), "lists", lambda: changed)
        with pytest.raises(DownloadError, match=rf"tgz is damaged .*{told}.*: delete it and run"):
            load_birds(pack(tmp_path), size=32)
    assert [path.name for path in tmp_path.iterdir()] == ["CUB_200_2011.tgz"]
    assert len(load_birds(pack(tmp_path), size=32).train) == 3


@pytest.mark.parametrize("size", [(1, 1), (1, 5)])
def test_a_picture_without_a_width_is_the_archives_fault(tmp_path, monkeypatch, size):
    monkeypatch.setitem(BIRDS, 2, (*BIRDS[2][:3], *size, (0, 0, 1, 1), None))
    with pytest.raises(DownloadError, match=r"line 2 of images.txt .* 2×2 pixels or more"):
        load_birds(pack(tmp_path), size=32)


def test_without_the_archive_it_says_where_it_was_looked_for(tmp_path, monkeypatch):
    monkeypatch.setattr(cub, "ADDRESS", "http://127.0.0.1:9/CUB_200_2011.tgz")
    with pytest.raises(DownloadError, match=r"CUB_200_2011.tgz could not be fetched"):
        load_birds(tmp_path, size=32)


@pytest.mark.parametrize("size", [16, 22.4])
def test_a_size_that_cannot_be_is_refused(size):
    with pytest.raises((TypeError, ValueError), match="size must be"):
        load_birds(size=size)
