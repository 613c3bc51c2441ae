"""A small language for formulas: read by hand, value by value, and never run as Python.

    sum      = product (("+" | "-") product)*
    product  = sign (("*" | "/") sign)*
    sign     = ("-" | "+") sign | power
    power    = atom ("**" sign)?
    atom     = number | name ("[" sum "]")? | function "(" sum ")" | "(" sum ")"

A name holds a number or one number per class, and vectors are taken class by class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]

MAX_LENGTH = 500
MAX_DEPTH = 40

TOKEN = re.compile(
    r"\s*(?:((?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][-+]?[0-9]+)?)|([A-Za-z_]\w*)|(\*\*|.))",
    re.S,
)
FUNCTIONS: dict[str, Callable[[Values], Any]] = {"exp": np.exp, "log": np.log, "sum": np.sum}


def evaluate(formula: str, names: Mapping[str, npt.ArrayLike]) -> Values:
    """Return the value of a formula.

    Parameters
    ----------
    formula : str
        As ``s - t`` or ``exp(z[p]) / sum(exp(z))``.
    names : dict
        Name → a number, or one number per class, shape (K,).

    Returns
    -------
    ndarray
        A number, or shape (K,); infinite or NaN where a division by zero or the like makes it so.

    Raises
    ------
    ValueError
        If the text is no formula in these names; what it says is for people.
    """
    if len(formula) > MAX_LENGTH:
        raise ValueError(
            f"A formula has at most {MAX_LENGTH} characters here; this one has {len(formula)}."
        )
    reader = _Reader(formula, names)
    with np.errstate(all="ignore"):
        value = reader.read_sum()
    if reader.ahead:
        raise ValueError(f"{reader.place()} can't follow what stands before it.")
    return value


class _Reader:
    """The place in a formula, and a method for each rule of the grammar."""

    def __init__(self, formula: str, names: Mapping[str, npt.ArrayLike]) -> None:
        # People paste the signs that books print.
        self.formula = formula.replace("−", "-").replace("·", "*").rstrip()
        self.values = {name: np.asarray(value, dtype=np.float64) for name, value in names.items()}
        self.end = 0
        self.depth = 0
        self.ahead = ""
        self.number: str | None
        self.name: str | None
        self.next()

    def next(self) -> str:
        """Return the word or sign ahead, and go past it."""
        passed = self.ahead
        found = TOKEN.match(self.formula, self.end)
        self.number, self.name, sign = found.groups() if found else (None, None, None)
        self.ahead = self.number or self.name or sign or ""
        self.end = found.end() if found else self.end
        return passed

    def place(self) -> str:
        hint = " (a power is written **)" if self.ahead == "^" else ""
        return f"{self.ahead[:30]!r} at character {self.end - len(self.ahead) + 1}{hint}"

    def expect(self, sign: str) -> None:
        if self.ahead != sign:
            found = f"{self.place()} stands there" if self.ahead else "the formula ends"
            raise ValueError(f"A {sign!r} is missing: {found}.")
        self.next()

    def read_sum(self) -> Values:
        value = self.read_product()
        while self.ahead in ("+", "-"):
            sign, other = self.next(), self.read_product()
            value = np.add(value, other) if sign == "+" else np.subtract(value, other)
        return value

    def read_product(self) -> Values:
        value = self.read_sign()
        while self.ahead in ("*", "/"):
            sign, other = self.next(), self.read_sign()
            value = np.multiply(value, other) if sign == "*" else np.divide(value, other)
        return value

    def read_sign(self) -> Values:
        # Every way of nesting passes here.
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ValueError(f"A formula nests at most {MAX_DEPTH} deep here.")
        if self.ahead in ("-", "+"):
            value = np.negative(self.read_sign()) if self.next() == "-" else self.read_sign()
        else:
            value = self.read_power()
        self.depth -= 1
        return value

    def read_power(self) -> Values:
        value = self.read_atom()
        if self.ahead == "**":
            self.next()
            value = np.power(value, self.read_sign())
        return value

    def read_atom(self) -> Values:
        if self.number:
            return np.asarray(float(self.next()))
        if self.name:
            if self.name in FUNCTIONS:
                return self.read_call()
            return self.read_name()
        if self.ahead == "(":
            self.next()
            value = self.read_sum()
            self.expect(")")
            return value
        if not self.ahead:
            raise ValueError("The formula is not complete: it ends where a value should stand.")
        raise ValueError(f"{self.place()} stands where a value should.")

    def read_call(self) -> Values:
        function = self.next()
        self.expect("(")
        value = self.read_sum()
        self.expect(")")
        if function == "sum" and not np.ndim(value):
            raise ValueError("sum adds over the classes, as in sum(s): it was given one number.")
        return np.asarray(FUNCTIONS[function](value))

    def read_name(self) -> Values:
        if self.name not in self.values:
            known = ", ".join([*self.values, *FUNCTIONS])
            raise ValueError(f"{self.place()} is not a known name. Known are {known}.")
        name = self.next()
        value = self.values[name]
        if self.ahead != "[":
            return value
        self.next()
        index = self.read_sum()
        self.expect("]")
        if not value.ndim:
            raise ValueError(f"{name} is one number and has no […].")
        if np.ndim(index) or index not in range(len(value)):
            raise ValueError(
                f"{name}[…] takes the number of a class, from 0 to {len(value) - 1}, such as p."
            )
        return np.asarray(value[int(index)])
