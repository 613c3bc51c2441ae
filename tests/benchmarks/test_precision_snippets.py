"""What the page offers as code at a logit is what it shows there, in every framework."""

from __future__ import annotations

import numpy as np
import pytest

from dashboard import precision_snippets
from experiments.precision import FUNCTIONS, OURS, TEXTBOOK, USUAL, at_logit
from tests.benchmarks.test_snippets import FRAMEWORKS, run

# The framework's own exp may flush to 0 what is below the normal numbers: none is that near.
LOGITS = [20.0, 0.5, -60.0, -110.0, 200.0, 1000.0, -1000.0]
EPS = {"float16": 1e-3, "float32": 1.2e-7, "float64": 2.3e-16}


def test_every_function_of_the_page_has_its_code() -> None:
    assert set(precision_snippets.CORE) == set(FUNCTIONS)


@pytest.mark.parametrize("framework", FRAMEWORKS)
@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("logit", LOGITS)
def test_at_a_logit(framework: str, function: str, logit: float) -> None:
    code = precision_snippets.at_logit(function, logit)[framework]
    found = run(code)["found"]
    shown = at_logit(function, logit).set_index(["formula", "dtype"])["value"]
    assert list(found) == (["float16"] if framework == "NumPy" else []) + ["float32", "float64"]
    is_usual = "log-sum-exp" in code
    for dtype, (textbook, library) in found.items():
        rounding = 8 * EPS[dtype]
        np.testing.assert_allclose(textbook, shown[TEXTBOOK, dtype], rtol=100 * rounding)
        np.testing.assert_allclose(
            library,
            shown[USUAL if is_usual else OURS, dtype],
            rtol=rounding,
            atol=rounding if "rounds the loss" in code else 0,
        )


@pytest.mark.parametrize("framework", ["PyTorch", "Keras"])
def test_a_confident_no_is_rounded_to_0_as_the_code_says(framework: str) -> None:
    found = run(precision_snippets.at_logit("BCE, target 0", -60.0)[framework])["found"]
    assert [library for _, library in found.values()] == [0.0, 0.0]
    shown = at_logit("BCE, target 0", -60.0).set_index(["formula", "dtype"])["value"]
    assert shown[OURS, "float32"] == pytest.approx(np.exp(-60), rel=1e-6)
