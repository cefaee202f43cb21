"""Networks, the exponential and the monomial neuron, tomography with them, and faster forms of the same functions."""

from enlib.models.fast import fast_form, onednn_linear
from enlib.models.networks import MODELS, ConvNet, digit_net, make_model, mlp
from enlib.models.neurons import ExponentialNeuron, MonomialNeuron, WithExponentialNeuron
from enlib.models.residual import ResidualBlock, ResidualNet
from enlib.models.tomography import amplitude_slopes, probe_matrix, sample_slopes
from enlib.models.weight_noise import loss_under_noise

__all__ = [
    "MODELS",
    "ConvNet",
    "ExponentialNeuron",
    "MonomialNeuron",
    "ResidualBlock",
    "ResidualNet",
    "WithExponentialNeuron",
    "amplitude_slopes",
    "digit_net",
    "fast_form",
    "loss_under_noise",
    "make_model",
    "mlp",
    "onednn_linear",
    "probe_matrix",
    "sample_slopes",
]
