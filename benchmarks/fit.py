"""What the training loop costs: ``enlib.fit`` beside the loop most tutorials show, a DataLoader over samples.

Both make as many updates on the same network (100-50-25-1 with the exponential neuron, spheres, n = 1000, Adam,
batch 100) and evaluate once an epoch. They run in turn, so that a machine whose speed drifts is fair to both; the
figure to quote is the median of the ratios. Writes ``benchmarks/fit.json``.
"""

from __future__ import annotations

import torch
from _measure import environment, seconds, spread, write
from torch.utils.data import DataLoader, TensorDataset

from enlib import WithExponentialNeuron, datasets, evaluate, fit, make_optimizer, mlp, polynomial_hinge

EPOCHS, ROUNDS, LAM = 20, 7, 0.1
DATA = datasets.load("spheres", seed=0, train=1000)


def model_and_optimizer() -> tuple[WithExponentialNeuron, torch.optim.Optimizer]:
    model = WithExponentialNeuron(mlp((100, 50, 25, 1), seed=0), 100, seed=0)
    return model, make_optimizer("adam", model, lr=1e-3)


def with_fit() -> None:
    model, optimizer = model_and_optimizer()
    fit(model, DATA, optimizer=optimizer, lam=LAM, epochs=EPOCHS, stop_at_zero_errors=False, seed=0, device="cpu")


def with_data_loader() -> None:
    model, optimizer = model_and_optimizer()
    loader = DataLoader(TensorDataset(DATA.train.inputs, DATA.train.targets), batch_size=100, shuffle=True)
    evaluate(model, DATA.train), evaluate(model, DATA.validation)
    for _ in range(EPOCHS):
        for inputs, targets in loader:
            optimizer.zero_grad()
            loss = polynomial_hinge(model(inputs), targets) + model.penalty(LAM)
            loss.item()
            loss.backward()
            optimizer.step()
        evaluate(model, DATA.train), evaluate(model, DATA.validation)


def main() -> None:
    torch.set_num_threads(1)
    for work in (with_fit, with_data_loader):
        work()
    rounds = [(seconds(with_fit), seconds(with_data_loader)) for _ in range(ROUNDS)]
    ratio = spread(loader / ours for ours, loader in rounds)
    result = {
        "what": f"{EPOCHS} epochs of 10 updates, one thread",
        "fit_seconds": [round(ours, 3) for ours, _ in rounds],
        "data_loader_seconds": [round(loader, 3) for _, loader in rounds],
        "data_loader_over_fit": ratio,
        "environment": environment(),
    }
    write(__file__, result)
    print("DataLoader loop / fit:", ratio)


if __name__ == "__main__":
    main()
