import pytest

from enlib.figures import drawing


def test_palette_colours_are_page_variables_with_themselves_to_fall_back_on():
    assert drawing.css(drawing.NEURON) == f"var(--en-neuron, {drawing.NEURON})"
    with pytest.raises(ValueError, match="expected a colour of the palette"):
        drawing.css("#ffffff")


def test_svg_returns_the_axes_laid_out():
    text, axes = drawing.svg(lambda axes: axes.plot([0, 1], [0, 1]))
    assert text.startswith("<svg")
    assert text.endswith("</svg>")
    assert 0 < axes.get_position().x0 < axes.get_position().x1 < 1
