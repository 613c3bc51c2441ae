"""The gradients that the page offers as code are those of core, in every framework."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard import gradient_snippets
from dashboard.frames.gradients import gradients
from tests.benchmarks.test_snippets import FRAMEWORKS, run

CASES = [([4.0, 1.0, 0.5, -1.0], 0), ([-1.0, 5.0, 0.0, 1.0], 0), ([0.3], 0), ([2.0, 0.5], 1)]


@pytest.mark.filterwarnings("ignore:You are using a softmax over axis -1")
@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("loss", gradient_snippets.CORE)
@pytest.mark.parametrize(("logits", "label"), CASES)
def test_gradients(framework: str, loss: str, logits: list[float], label: int) -> None:
    z = np.array(logits)
    of_cce, of_other = (gradients(z, label, each)["gradient"] for each in ("CCE", loss))
    code = gradient_snippets.gradients(z, label, loss, of_cce.to_numpy())[framework]
    assert "loses its digits" not in code
    names = run(code)
    for name, wanted in (("cce_grad", of_cce), ("other_grad", of_other)):
        got = np.asarray(names[name].detach() if hasattr(names[name], "detach") else names[name])
        np.testing.assert_allclose(got, wanted, rtol=1e-11, atol=1e-15)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_the_code_says_where_digits_are_lost(framework: str) -> None:
    z = np.array([40.0, 0.0])
    of_cce = gradients(z, 0, "CCE")["gradient"].to_numpy()
    code = gradient_snippets.gradients(z, 0, "BCE", of_cce)[framework]
    got = np.asarray(run(code)["cce_grad"].tolist())
    if framework == "NumPy":
        np.testing.assert_allclose(got, of_cce, rtol=1e-15)
    else:
        assert "loses its digits" in code
        assert got[0] == 0.0 != of_cce[0]
