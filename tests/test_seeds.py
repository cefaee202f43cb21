import pytest
import torch

from enlib._tools import generator, stream


def test_purposes_and_seeds_give_different_streams():
    seeds = {stream(seed, purpose) for seed in range(50) for purpose in ("a", "b", "batch order")}
    assert len(seeds) == 150


def test_streams_are_the_same_on_every_machine():
    # Oracle: printf 0/x | sha256sum | cut -c1-16, without the last bit.
    assert stream(0, "x") == 0xAFE44FACC2B88847 >> 1


def test_generator_leaves_the_global_state_alone():
    before = torch.get_rng_state()
    torch.rand(3, generator=generator(0, "a"))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("bad", [-1, 0.5, True, None])
def test_seed_must_be_a_whole_number(bad):
    with pytest.raises(ValueError, match="expected seed to be an integer >= 0"):
        stream(bad, "a")
