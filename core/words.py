"""Numbers with their nouns."""

from __future__ import annotations


def counted(number: float | str, noun: str, form: str = ",.0f") -> str:
    """Return a number and a noun in the singular or plural, as goes with what is shown.

    Parameters
    ----------
    number : float or str
        Text stays as it is.
    noun : str
        In the singular; the plural takes -s, or -es after an s.
    form : str
        The format of the number.

    Examples
    --------
    >>> counted(1, "row"), counted(1.00001, "bit", ".4g"), counted(1000, "class")
    ('1 row', '1 bit', '1,000 classes')
    """
    shown = number if isinstance(number, str) else f"{number:{form}}"
    if shown == "1":
        return f"{shown} {noun}"
    return f"{shown} {noun}{'es' if noun.endswith('s') else 's'}"
