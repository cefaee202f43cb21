"""Images shifted and mirrored at random."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import pad

from enlib import _tools

AUGMENTATIONS = ("none", "flip", "crop", "crop and flip")


def augmented(images: Tensor, how: str, g: torch.Generator) -> Tensor:
    """Return images shifted and mirrored at random.

    Parameters
    ----------
    images : Tensor of shape (n, channels, side, side)
    how : {"none", "flip", "crop", "crop and flip"}
        A crop shifts an image by up to an eighth of its side, both ways, and fills up with zeros; a flip mirrors
        every second image, left to right.
    g : torch.Generator
        Draws the shifts and the flips.

    Examples
    --------
    >>> image = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> augmented(image, "flip", torch.Generator().manual_seed(1)).tolist()
    [[[[1.0, 2.0], [3.0, 4.0]]]]
    """
    _tools.known("augmentation", how, AUGMENTATIONS)
    n, _, side, _ = images.shape
    if "crop" in how:
        most = side // 8
        padded = pad(images, [most] * 4)
        rows, columns = torch.randint(2 * most + 1, (2, n, 1), generator=g) + torch.arange(side)
        each = torch.arange(n)[:, None, None]
        images = padded[each, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)
    if "flip" in how:
        mirrored = torch.rand(n, generator=g) < 0.5
        images = torch.where(mirrored[:, None, None, None], images.flip(3), images)
    return images
