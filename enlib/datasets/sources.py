"""Where the real images come from: addresses, digests, licences and whom to cite."""

from __future__ import annotations

from dataclasses import dataclass


class DataError(RuntimeError):
    """The data are not there, or are not what they should be. The message says what to do."""


@dataclass(frozen=True)
class Source:
    """A published collection of images.

    Parameters
    ----------
    name : str
        As in ``python -m enlib data fetch NAME``.
    title : str
    folder : str
        Where its files lie inside the data directory.
    files : tuple of str
        What is downloaded.
    mirrors : tuple of str
        Addresses that each file name is appended to, tried in this order.
    size : str
        Of the download.
    licence, citation, homepage : str
    """

    name: str
    title: str
    folder: str
    files: tuple[str, ...]
    mirrors: tuple[str, ...]
    size: str
    licence: str
    citation: str
    homepage: str


MNIST = Source(
    name="mnist",
    title="MNIST handwritten digits",
    folder="mnist",
    files=(
        "train-images-idx3-ubyte.gz",
        "train-labels-idx1-ubyte.gz",
        "t10k-images-idx3-ubyte.gz",
        "t10k-labels-idx1-ubyte.gz",
    ),
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    size="11 MB",
    licence="CC BY-SA 3.0",
    citation="Y. LeCun, L. Bottou, Y. Bengio, P. Haffner, Gradient-Based Learning Applied to Document "
    "Recognition, Proceedings of the IEEE 86(11), 1998",
    homepage="http://yann.lecun.com/exdb/mnist/",
)

# SHA-256 of the decompressed files. Their MD5 digests are the published ones (a test checks both), while the
# gzip wrappers differ from mirror to mirror: what is verified is the payload.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}

CIFAR10 = Source(
    name="cifar10",
    title="CIFAR-10 photographs",
    folder="cifar-10-batches-bin",
    files=("cifar-10-binary.tar.gz",),
    mirrors=(
        "https://www.cs.toronto.edu/~kriz/",
        "https://mindspore-website.obs.cn-north-4.myhuaweicloud.com/notebook/datasets/",
    ),
    size="170 MB",
    licence="none stated by the authors; free for research, cite the report",
    citation="A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, "
    "technical report, University of Toronto, 2009",
    homepage="https://www.cs.toronto.edu/~kriz/cifar.html",
)

# SHA-256 of the concatenated SHA-256 digests of all images of a class, in canonical order (ascending digest):
# it does not depend on how the images are spread over files.
CIFAR10_SHA256 = {
    ("train", 0): "604a764b05fcad2bf32fef8dc190696e74a29864c6da3adb1d630ba28e8efc8b",
    ("train", 1): "6bf8f928e4a47e3c633e3e1d22ac181a0e9286c7f48cc7331f5a849a5f3810aa",
    ("test", 0): "4e8f24194688057829da8ec0a9b7cf85a33962bdb6f97653df0e7a0858371aae",
    ("test", 1): "37ab72aca0e642035ab89bb378bb3f40802455690312f8bf5501efcbc6c26aef",
}

SOURCES = {source.name: source for source in (MNIST, CIFAR10)}
