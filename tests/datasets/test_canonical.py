import hashlib

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from enlib.datasets.canonical import allocate, canonical_order, digests


def test_order_is_ascending_sha256_and_forgets_the_order_of_arrival():
    images = np.random.default_rng(0).integers(0, 256, (40, 3, 4), dtype=np.uint8)
    shuffled = images[np.random.default_rng(1).permutation(40)]
    ordered = images[canonical_order(images)]
    assert np.array_equal(ordered, shuffled[canonical_order(shuffled)])
    assert digests(ordered) == sorted(hashlib.sha256(image.tobytes()).digest() for image in images)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=5), st.data())
def test_shares_add_up_and_are_within_one_of_proportional(sizes, data):
    total = data.draw(st.integers(0, sum(sizes)))
    counts = allocate(total, sizes)
    assert sum(counts) == total
    for count, size in zip(counts, sizes, strict=True):
        assert abs(count - total * size / sum(sizes)) < 1
        assert 0 <= count <= size
