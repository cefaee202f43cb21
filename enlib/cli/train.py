"""``python -m enlib train``: one run, its table and its picture."""

from __future__ import annotations

import argparse
import math
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from enlib import _tools, datasets
from enlib.losses import LOSSES
from enlib.models import MODELS, WithExponentialNeuron
from enlib.replication import Recipe, Trained, train
from enlib.training import OPTIMIZERS, SCHEDULES, History, evaluate


def add_parser(commands: Any) -> None:
    """Add ``train`` to the commands."""
    parser = commands.add_parser(
        "train",
        help="train one network",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        description="Train one network until it makes no training error, then report on all three splits.",
    )
    option = parser.add_argument
    option("--data", default="digits-1v7", help=", ".join(datasets.NAMES))
    option("--radii", type=float, nargs=2, metavar="R", help="radii of spheres")
    option("--shift", type=float, help="shift of gaussians")
    option("--train", type=int, metavar="N", help="training samples of spheres and gaussians")
    option("--standardize", default="default", help="none, feature, channel, global, sample")
    option("--data-dir", help="where the images lie (else $ENLIB_DATA, else the cache)")
    option("--no-download", action="store_true", help="fail rather than download")
    option("--model", default="fc1", help=", ".join(MODELS))
    option("--exponential", action="store_true", help="add the exponential neuron")
    option("--lam", type=float, help="weight of its penalty; 0.1")
    option("--neuron-lr", type=float, help="its own learning rate")
    option("--optimizer", default="adam", help=", ".join(OPTIMIZERS))
    option("--lr", type=float, help="learning rate; 1e-2 for fc1, 1e-3 for fc2, 3e-4 for conv")
    option("--schedule", default="cosine", help=", ".join(SCHEDULES))
    option("--batch-size", type=_batch_size, default=100, metavar="N|full", help="samples a batch")
    option("--epochs", type=int, default=30, help="the cap, and the length of the schedule")
    option("--clip-norm", type=float, help="largest gradient norm")
    option("--seed", type=int, default=0, help="of data, initial weights and batch order")
    option("--dtype", choices=("float32", "float64"), default="float32", help="precision")
    option("--device", default="auto", help="cpu, cuda, mps, auto")
    option("--threads", type=int, help="of the CPU")
    option("--checkpoint", type=Path, help="save the run here after every epoch")
    option("--resume", action="store_true", help="resume from the checkpoint if there is one")
    option("--plot", type=Path, help="write the learning curves here (.png, .svg, .pdf)")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Train as asked and print the table; a run that diverges is a result, not an error."""
    _check_options(options)
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    recipe = _recipe(options)
    data = datasets.load(
        recipe.data,
        seed=recipe.seed,
        data_dir=options.data_dir,
        download=not options.no_download,
        dtype=getattr(torch, recipe.dtype),
        **recipe.data_options,
    )
    trained = train(
        recipe,
        device=options.device,
        data=data,
        checkpoint_path=options.checkpoint,
        resume=options.resume,
    )
    print(_table(recipe, trained))
    if options.plot:
        _plot(options.plot, recipe, trained.history)
    return 0


def _recipe(options: argparse.Namespace) -> Recipe:
    _tools.known("model", options.model, MODELS)
    own = {each.name for each in fields(Recipe)}
    settings = {name: value for name, value in vars(options).items() if name in own}
    drawn: dict[str, dict[str, Any]] = {
        "spheres": {"radii": (1.0, 1.5), "train": 2000},
        "gaussians": {"shift": 0.5, "train": 5000},
    }
    given = {name: getattr(options, name) for name in ("radii", "shift", "train")}
    given = drawn.get(options.data, {}) | {name: value for name, value in given.items() if value is not None}
    settings["inner"], settings["outer"] = given.pop("radii", (None, None))
    settings |= given
    if options.lr is None:
        settings["lr"] = {"fc1": 1e-2, "fc2": 1e-3, "conv": 3e-4}[options.model]
    if options.lam is None:
        settings["lam"] = 0.1 if options.exponential else 0.0
    return Recipe(**settings, stacked=options.model != "fc1")


def _check_options(options: argparse.Namespace) -> None:
    """Refuse, before anything is computed, what would otherwise be ignored or fail after the training."""
    for name in ("epochs", "threads"):
        if getattr(options, name) is not None:
            _tools.count(f"--{name}", getattr(options, name))
    if options.threads is not None and options.threads > 1024:
        raise ValueError(f"expected --threads of at most 1024, got {options.threads}: pass the number of cores")
    for name, needed in (("lam", "exponential"), ("neuron_lr", "exponential"), ("resume", "checkpoint")):
        if getattr(options, name) and not getattr(options, needed):
            flag = "--" + name.replace("_", "-")
            raise ValueError(
                f"expected --{needed} with {flag}, got {flag} alone: add --{needed}, or leave {flag} out"
            )
    if options.checkpoint and options.checkpoint.exists() and not options.resume:
        raise ValueError(
            f"expected no file at {options.checkpoint}, got one: add --resume to resume from it, or name another"
        )
    if options.plot and options.plot.suffix not in (".png", ".svg", ".pdf"):
        raise ValueError(f"expected --plot FILE to end in .png, .svg or .pdf, got {options.plot}: add an ending")
    for path in filter(None, (options.plot, options.checkpoint)):
        above = next(parent for parent in path.absolute().parents if parent.exists())
        if path.is_dir() or not above.is_dir():
            raise ValueError(f"expected a path where a file can be written, got {path}: name another")


def _batch_size(text: str) -> int | None:
    if text == "full":
        return None
    if not text.isdigit() or int(text) == 0:
        raise argparse.ArgumentTypeError(f"expected a positive number or 'full', got {text!r}")
    return int(text)


def _table(recipe: Recipe, trained: Trained) -> str:
    model, history = trained.model, trained.history
    parameter = next(model.parameters())
    data = trained.data.to(parameter.device, parameter.dtype)
    neuron = f", exponential neuron with lambda {recipe.lam:g}" if recipe.exponential else ""
    lines = [
        f"{data.name}, {recipe.model}{neuron}: {sum(p.numel() for p in model.parameters()):,} parameters, "
        f"{recipe.optimizer} with lr {recipe.lr:g} ({recipe.schedule}), seed {recipe.seed}, {parameter.device}",
        "",
        f"{'split':<12}{'samples':>9}{'errors':>9}{'error rate':>12}{'mean loss':>13}",
    ]
    for name, split in data.splits.items():
        seen = evaluate(model, split, LOSSES[recipe.loss])
        lines.append(f"{name:<12}{len(split):>9}{seen.errors:>9}{seen.errors / len(split):>12.2%}{seen.loss:>13.4g}")
    reached = history.updates_to_zero_errors
    when = (
        "never reached"
        if math.isnan(reached)
        else f"after {history.epochs_to_zero_errors:.0f} epochs, {reached:.0f} updates"
    )
    cause = f" at update {history.diverged_at:.0f}: {history.cause}" if history.status == "diverged" else ""
    lines += ["", f"zero training errors: {when}", f"status: {history.status}{cause}"]
    if isinstance(model, WithExponentialNeuron):
        neuron_state = f"a = {model.neuron.a.item():.4g}, |w| = {model.neuron.w.norm().item():.4g}"
        lines.append(
            f"largest exponent in training: {history.largest_exponent_seen:.4g} "
            f"({neuron_state}, b = {model.neuron.b.item():.4g} at the end)"
        )
    return "\n".join(lines)


def _plot(path: Path, recipe: Recipe, history: History) -> None:
    from enlib import figures  # drawing is optional: without --plot, matplotlib is not imported

    arm = figures.WITH if recipe.exponential else figures.WITHOUT
    figures.learning_curves(
        {arm: [history]},
        alt=f"Loss and errors of {recipe.model} on {recipe.data} by epoch, {history.status}.",
    ).save(path)
    print(f"learning curves: {path}")
