from typing import Any

import numpy as np
import pytest

from dashboard.expressions import MAX_DEPTH, evaluate

S = np.array([0.7, 0.2, 0.1])
NAMES = {"s": S, "z": np.log(S), "t": np.array([1.0, 0, 0]), "p": 0, "K": 3}


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("s - t", [-0.3, 0.2, 0.1]),
        ("s − t", [-0.3, 0.2, 0.1]),
        ("2 · s[p]", 1.4),
        ("s[p] - 1", -0.3),
        ("z[p]", np.log(0.7)),
        ("s[K - 1]", 0.1),
        ("exp(z[p]) / sum(exp(z))", 0.7),
        ("sum(s*(s - t))", 0.7 * -0.3 + 0.04 + 0.01),
        ("log(exp(2))", 2),
        ("1/K", 1 / 3),
        ("1 - 2 - 3", -4),
        ("12 / 3 / 2", 2),
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("-2 ** 2", -4),
        ("2 ** -1", 0.5),
        ("2 ** 3 ** 2", 512),
        ("--2", 2),
        ("+2 - -2", 4),
        (" 1.5e1+.5 ", 15.5),
        ("1.", 1),
        ("s", S),
    ],
)
def test_formulas_mean_what_they_mean_on_paper(formula: str, wanted: Any) -> None:
    value = evaluate(formula, NAMES)
    np.testing.assert_allclose(value, wanted, rtol=1e-14, atol=1e-16)
    assert np.shape(value) == np.shape(wanted)


@pytest.mark.parametrize(
    ("formula", "wanted"),
    [
        ("1/0", np.inf),
        ("0/0", np.nan),
        ("log(0)", -np.inf),
        ("(-1)**0.5", np.nan),
        ("9**9**9**9", np.inf),
        ("exp(exp(exp(99)))", np.inf),
        ("1e999", np.inf),
    ],
)
def test_what_has_no_finite_value_is_given_as_that(formula: str, wanted: float) -> None:
    np.testing.assert_equal(float(evaluate(formula, NAMES)), wanted)


@pytest.mark.parametrize(
    ("formula", "says"),
    [
        ("", "not complete"),
        ("   ", "not complete"),
        ("s -", "ends where a value should stand"),
        ("s - * t", r"'\*' at character 5 stands where a value should"),
        ("(s", r"A '\)' is missing: the formula ends"),
        ("s)", r"'\)' at character 2 can't follow"),
        ("s t", "'t' at character 3 can't follow"),
        ("2s", "'s' at character 2 can't follow"),
        ("s ^ 2", r"'\^' at character 3 \(a power is written \*\*\) can't follow"),
        ("x + 1", "'x' at character 1 is not a known name. Known are s, z, t, p, K, exp, log, sum"),
        ("exp", r"A '\(' is missing"),
        ("exp s", r"A '\(' is missing: 's' at character 5 stands there"),
        ("sum(1)", "given one number"),
        ("sum(s[p])", "given one number"),
        ("p[0]", "one number and has no"),
        ("s[3]", "from 0 to 2"),
        ("s[-1]", "from 0 to 2"),
        ("s[0.5]", "from 0 to 2"),
        ("s[s]", "from 0 to 2"),
        ("s[0/0]", "from 0 to 2"),
        ("s[1e999]", "from 0 to 2"),
        ("s[0", r"A '\]' is missing"),
        ("__import__('os').system('true')", "'__import__' at character 1 is not a known name"),
        ("s.__class__", r"'\.' at character 2 can't follow"),
        ("().__class__", r"'\)' at character 2 stands where a value should"),
        ("lambda: 1", "'lambda' at character 1 is not a known name"),
        ("s if t else z", "'if' at character 3 can't follow"),
        ("'a'*9", "stands where a value should"),
        ("exp(s, t)", r"A '\)' is missing: ',' at character 6"),
        ("\x00", "stands where a value should"),
        ("٣", "stands where a value should"),
        ("s // t", r"'/' at character 4 stands where a value should"),
        ("s; t", "';' at character 2"),
        ("s\nt", "'t' at character 3"),
        ("a" * 400, "is not a known name"),
        ("1+" * 400, "at most 500 characters here; this one has 800"),
        ("(" * 400, f"at most {MAX_DEPTH} deep"),
        ("-" * 400, f"at most {MAX_DEPTH} deep"),
        ("2**" * 150, f"at most {MAX_DEPTH} deep"),
        ("s[" * 200, f"at most {MAX_DEPTH} deep"),
        ("exp(" * 100, f"at most {MAX_DEPTH} deep"),
    ],
)
def test_what_is_no_formula_gets_a_sentence(formula: str, says: str) -> None:
    with pytest.raises(ValueError, match=says) as refused:
        evaluate(formula, NAMES)
    assert len(str(refused.value)) < 150


def test_the_longest_formula_over_a_thousand_classes_has_a_value() -> None:
    names = {"s": np.full(1000, 1e-3)}
    value = evaluate("s**s*" * 99 + "1", names)
    np.testing.assert_allclose(value, 1e-3 ** (1e-3 * 99), rtol=1e-12)


def test_nothing_given_is_changed() -> None:
    evaluate("-(s + 1) * 2 - s", NAMES)
    assert S.tolist() == [0.7, 0.2, 0.1]
