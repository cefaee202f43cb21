import hashlib
import itertools
import re
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.datasets import load_digits

from enlib import datasets
from enlib.datasets import DataError, augmented, data_directory, load
from enlib.datasets.images import (
    CIFAR10_CLASSES,
    MNIST_FILES,
    _allocate,
    _canonical,
    _digests,
    cifar10_classes,
    mnist_payload,
)


def pixels(split, white):
    return (split.inputs * white).round().to(torch.uint8).numpy()


def test_order_is_ascending_sha256_and_forgets_the_order_of_arrival():
    images = np.random.default_rng(0).integers(0, 256, (40, 3, 4), dtype=np.uint8)
    shuffled = images[np.random.default_rng(1).permutation(40)]
    ordered = _canonical(images)
    assert np.array_equal(ordered, _canonical(shuffled))
    assert _digests(ordered) == sorted(hashlib.sha256(image.tobytes()).digest() for image in images)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=5), st.data())
def test_shares_add_up_and_are_within_one_of_proportional(sizes, data):
    total = data.draw(st.integers(0, sum(sizes)))
    counts = _allocate(total, sizes)
    assert sum(counts) == total
    for count, size in zip(counts, sizes, strict=True):
        assert abs(count - total * size / sum(sizes)) < 1
        assert 0 <= count <= size


def test_digits_are_split_in_canonical_order_without_overlap():
    data = load("digits-1v7", seed=0, standardize="none")
    assert [len(split) for split in data.splits.values()] == [217, 72, 72]
    keys = [_digests(pixels(split, 16)) for split in data.splits.values()]
    assert len(set().union(*keys)) == sum(len(split) for split in keys) == 361
    for label in (-1, 1):
        in_class = [
            key
            for split, split_keys in zip(data.splits.values(), keys, strict=True)
            for key, target in zip(split_keys, split.targets.tolist(), strict=True)
            if target == label
        ]
        assert in_class == sorted(in_class)


def test_digits_are_the_bundled_ones_and_sevens():
    bundled, splits = load_digits(), load("digits-1v7", seed=0, standardize="none").splits
    for label, digit in ((-1, 1), (1, 7)):
        expected = sorted(_digests(bundled.images[bundled.target == digit].astype(np.uint8)))
        found = [_digests(pixels(split, 16)[(split.targets == label).numpy()]) for split in splits.values()]
        assert sorted(itertools.chain(*found)) == expected


@pytest.mark.parametrize("name, side", [("mnist-1v7", "mnist"), ("cifar10-0v1", "cifar10")])
def test_missing_images_name_the_folder_the_command_and_the_offline_data_set(tmp_path, name, side):
    message = rf"expected the files of .* in {re.escape(str(tmp_path))}.*data fetch {side}.*ENLIB_DATA.*digits-1v7"
    with pytest.raises(DataError, match=message):
        load(name, seed=0, data_dir=tmp_path, download=False)


def test_data_directory_that_is_a_file(tmp_path):
    path = tmp_path / "file"
    path.write_text("not a directory")
    with pytest.raises(DataError, match="expected a readable data directory, got"):
        load("mnist-1v7", seed=0, data_dir=path)
    assert path.read_text() == "not a directory"


def test_data_directory_comes_from_the_argument_then_the_environment_then_the_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ENLIB_DATA", str(tmp_path / "env"))
    assert data_directory(tmp_path / "argument") == tmp_path / "argument"
    assert data_directory() == tmp_path / "env"
    monkeypatch.delenv("ENLIB_DATA")
    assert data_directory().name == "enlib"


@pytest.mark.parametrize("bad", [3, b"data", ["data"], object()])
def test_a_data_directory_is_a_path(bad):
    with pytest.raises(TypeError, match="expected data_dir to be a path, got"):
        load("mnist-1v7", seed=0, data_dir=bad)


@pytest.mark.parametrize("bad", ["a\0b", "~nobody-of-this-name/data", "x" * 5000])
def test_a_path_that_cannot_be_is_a_data_error(bad):
    with pytest.raises(DataError, match="expected a readable data directory, got"):
        load("mnist-1v7", seed=0, data_dir=bad)


@pytest.mark.parametrize("name", [None, 3, ["spheres"], b"spheres"])
def test_a_name_is_a_text(name):
    with pytest.raises(TypeError, match="expected data set to be one of spheres, .*; got"):
        load(name, seed=0)


def test_bad_names_and_options():
    with pytest.raises(ValueError, match="did you mean 'mnist-1v7'"):
        load("mnist", seed=0)
    with pytest.raises(ValueError, match="did you mean 'radii'"):
        load("spheres", seed=0, radius=(1, 2))
    with pytest.raises(ValueError, match="expected no options for digits-1v7, got train"):
        load("digits-1v7", seed=0, train=3)
    with pytest.raises(ValueError, match="did you mean 'global'"):
        load("spheres", seed=0, standardize="globl")
    with pytest.raises(ValueError, match="expected a floating-point dtype, got torch.int64"):
        load("spheres", seed=0, dtype=torch.int64)


@pytest.mark.data("mnist")
def test_mnist_payloads_have_the_published_md5():
    published = {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    }
    folder = data_directory() / "mnist"
    for name in MNIST_FILES:
        path = folder / f"{name}.gz"
        contents = mnist_payload(path, path.read_bytes())
        assert hashlib.md5(contents, usedforsecurity=False).hexdigest() == published[name]


@pytest.mark.data("mnist")
def test_mnist_sizes_classes_and_disjoint_training():
    data = load("mnist-1v7", seed=0, download=False, standardize="none")
    assert [len(split) for split in data.splits.values()] == [13000, 1081, 1082]
    assert [int((split.targets > 0).sum()) for split in data.splits.values()] == [6262, 514, 514]
    assert data.input_shape == (1, 28, 28)
    assert (data.train.inputs.min().item(), data.train.inputs.max().item()) == (0.0, 1.0)
    validation, test = (_digests(pixels(data.splits[name], 255)) for name in ("validation", "test"))
    assert not set(validation) & set(test)


@pytest.mark.data("cifar10")
def test_cifar10_sizes_and_disjoint_splits_in_canonical_order():
    data = load("cifar10-0v1", seed=0, download=False, standardize="none")
    assert [len(split) for split in data.splits.values()] == [2000, 2000, 2000]
    assert data.input_shape == (3, 32, 32)
    keys = {name: _digests(pixels(split, 255)) for name, split in data.splits.items()}
    assert len(set().union(*keys.values())) == 6000
    for label in (0, 1):
        thousand = slice(1000 * label, 1000 * label + 1000)
        ordered = [keys[name][thousand] for name in ("train", "validation")]
        assert ordered[0] + ordered[1] == sorted(ordered[0] + ordered[1])
        test = hashlib.sha256(b"".join(keys["test"][thousand])).hexdigest()
        assert test == CIFAR10_CLASSES["test", label]


@pytest.mark.data("cifar10")
def test_ten_classes_are_the_same_from_a_fuller_archive_in_another_order():
    """Of the classes 2 to 9 the first images count: later ones may be there, and earlier ones would be noticed."""
    folder = data_directory() / "cifar-10-batches-bin"
    records = [
        np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 3073) for path in folder.glob("data_batch*.bin")
    ]
    birds = np.concatenate(records)
    birds = birds[birds[:, 0] == 2]
    noise = np.random.default_rng(0).integers(0, 256, (3000, 3073), dtype=np.uint8)
    noise[:, 0] = 2
    last = sorted(_digests(birds[:, 1:]))[999]
    late = np.array([digest > last for digest in _digests(noise[:, 1:])])
    fuller = np.random.default_rng(1).permutation(np.concatenate([birds, noise[late]]))
    digest = CIFAR10_CLASSES["train", 2]
    test = {folder / "test_batch.bin": (folder / "test_batch.bin").read_bytes()}
    for batch, right in ((birds, True), (fuller, True), (np.concatenate([birds, noise[~late]]), False)):
        batches = test | {folder / "data_batch_1.bin": batch.tobytes()}
        if right:
            images = cifar10_classes(batches, [2])["train"][0]
            assert hashlib.sha256(b"".join(_digests(images))).hexdigest() == digest
        else:
            with pytest.raises(DataError, match="class 2"):
                cifar10_classes(batches, [2])


@pytest.mark.parametrize("how", ["flip", "crop and flip"])
def test_augmented_images_are_the_image_or_its_mirror_image(how):
    image = torch.tensor([[[[1, 2], [3, 4]]]]).repeat(50, 1, 1, 1)  # too small for a shift
    seen = {str(each.tolist()) for each in augmented(image, how, torch.Generator().manual_seed(0))[:, 0]}
    assert seen == {"[[2, 1], [4, 3]]", "[[1, 2], [3, 4]]"}


def test_crop_shifts_by_up_to_an_eighth_and_fills_with_zeros():
    image = torch.zeros(300, 1, 8, 8)
    image[:, 0, 3, 3] = 1
    at = augmented(image, "crop", torch.Generator().manual_seed(0)).flatten(1).argmax(1)
    assert {tuple(divmod(int(i), 8)) for i in at} == {(r, c) for r in (2, 3, 4) for c in (2, 3, 4)}
    corner = augmented(torch.ones(300, 1, 8, 8), "crop", torch.Generator().manual_seed(0))
    assert {int(each.sum()) for each in corner} == {49, 56, 64}


@pytest.mark.data("cifar10")
def test_images_are_the_same_for_every_seed():
    one, other = (load("cifar10-0v1", seed=seed, download=False).train.inputs for seed in (0, 1))
    assert np.array_equal(one.numpy(), other.numpy())


def test_missing_images_skip_the_tests_that_need_them_and_no_others(request, monkeypatch):
    """Without CIFAR-10, tests of MNIST were skipped too."""
    of_project = request.config.pluginmanager.get_plugin(str(Path(__file__).parents[2] / "conftest.py"))
    items = [
        pytest.Function.from_parent(request.node.parent, name=n, callobj=lambda: None)
        for n in ("one", "both", "none")
    ]
    items[0].add_marker(pytest.mark.data("mnist"))
    items[1].add_marker(pytest.mark.data("mnist", "cifar10"))
    monkeypatch.setattr(datasets, "is_present", lambda source: source == "mnist")
    of_project.pytest_collection_modifyitems(items)
    assert {item.name for item in items if item.get_closest_marker("skip")} == {"both"}


def test_ten_digits_are_dealt_once_and_in_proportion():
    splits = datasets.load_digits("digits", train=1000, validation=297)
    images = torch.cat([x.flatten(1) for x, _ in splits])
    assert len(torch.unique(images, dim=0)) == len(images) == 1797
    for _, y in splits:
        counts = y.bincount()
        assert len(counts) == 10
        assert counts.min() > 0.9 * len(y) / 10
    assert abs(splits[0][0].mean().item()) < 1e-6
