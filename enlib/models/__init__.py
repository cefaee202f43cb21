"""Networks, the exponential neuron and its kin, what can be read off it, and faster forms of the same functions."""

from enlib.models.exponential import ExponentialNeuron, WithExponentialNeuron
from enlib.models.fast import fast_form
from enlib.models.monomial import MonomialNeuron
from enlib.models.networks import MODELS, ConvNet, make_model, mlp
from enlib.models.tomography import amplitude_slopes, probe_matrix, sample_slopes
from enlib.models.weight_noise import loss_under_noise

__all__ = [
    "MODELS",
    "ConvNet",
    "ExponentialNeuron",
    "MonomialNeuron",
    "WithExponentialNeuron",
    "amplitude_slopes",
    "fast_form",
    "loss_under_noise",
    "make_model",
    "mlp",
    "probe_matrix",
    "sample_slopes",
]
