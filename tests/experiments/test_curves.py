import math

import numpy as np
import pandas as pd
import pytest

from experiments.curves import theory

CURVES = {curve.name: curve.frame for curve in theory()}


def at(name: str, x: float, curve: str | None = None) -> float:
    frame: pd.DataFrame = CURVES[name]
    rows = frame[np.isclose(frame["x"], x)]
    if curve:
        rows = rows[rows["curve"] == curve]
    (value,) = rows["value"]
    return float(value)


@pytest.mark.parametrize(
    ("name", "x", "curve", "value"),
    [
        ("entropy", 0.5, None, 1.0),
        ("entropy", 0.0, None, 0.0),
        ("surprisal", 0.25, None, 2.0),
        ("bce", 0.0, "target 1", math.log(2)),
        ("bce", 8.0, "target 0", 8.000335406372896),
        ("cce", 1.0, None, 0.0),
        ("cce", 0.5, None, math.log(2)),
        ("kl", 0.5, "t = 0.5", 0.0),
        ("kl", 0.9, "t = 0.9", 0.0),
        ("smoothing", 0.0, "K = 10", 0.0),
        ("smoothing", 1.0, "K = 100", math.log(100)),
    ],
)
def test_points_known_by_hand(name: str, x: float, curve: str | None, value: float) -> None:
    assert at(name, x, curve) == pytest.approx(value, abs=1e-12)


def test_temperature_goes_from_one_answer_to_ignorance() -> None:
    assert at("temperature", 0.1) < 0.01
    assert 1.4 < at("temperature", 10.0) < math.log2(3)


@pytest.mark.parametrize("curve", theory(), ids=lambda curve: curve.name)
def test_every_point_is_a_number_and_has_a_step_of_its_own(curve) -> None:
    assert np.isfinite(curve.frame["value"]).all()
    assert not curve.frame.duplicated(["curve", "step"]).any()
    np.testing.assert_allclose(curve.frame["x"] * curve.steps_per_unit, curve.frame["step"])
