"""Which columns are the scores and which the labels: by their names, or as the user says."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from core.diagnosis import Kind
from core.words import counted
from experiments.predictions.common import PredictionsError, listed, shown

# What stands before the class in a column of scores, and what that says of them.
_SCORES: dict[str, Kind] = {
    "logit": "logits",
    "logits": "logits",
    "log_prob": "log-probabilities",
    "log_probs": "log-probabilities",
    "log_probability": "log-probabilities",
    "log_probabilities": "log-probabilities",
    "softmax": "softmax",
    "sigmoid": "sigmoid",
    "prob": "auto",
    "probs": "auto",
    "proba": "auto",
    "probability": "auto",
    "probabilities": "auto",
    "score": "auto",
    "scores": "auto",
    "y_score": "auto",
    "y_prob": "auto",
    "y_proba": "auto",
    "output": "auto",
    "outputs": "auto",
}
_LABELS = (
    "label", "labels", "target", "targets", "y_true", "y", "true_label", "ground_truth", "class",
)  # fmt: skip
CONVENTION = (
    "scores are columns such as logit_0, logit_1, …, prob_cat, prob_dog, … or one called score; "
    "labels one called label, target, y, y_true or class, or target_0, target_1, …"
)


@dataclass(frozen=True)
class Columns:
    """The columns to read.

    Parameters
    ----------
    scores, labels : tuple of str
    kind : str
        What the names say that the scores are, as `core.diagnosis.Summary` takes it.
    class_names : tuple of str
        The endings of the scores' names; empty where they have none.
    """

    scores: tuple[str, ...]
    labels: tuple[str, ...]
    kind: Kind = "auto"
    class_names: tuple[str, ...] = ()

    @property
    def all(self) -> tuple[str, ...]:
        """Scores and labels."""
        return self.scores + self.labels


def choose(names: Sequence[str], scores: str, labels: str, where: str) -> Columns:
    """Return which of a file's columns to read.

    Parameters
    ----------
    names : sequence of str
        All there are.
    scores, labels : str
        Names or patterns such as "out_*", separated by commas; "" goes by convention.
    where : str
        The file, for messages.

    Raises
    ------
    PredictionsError
        If none fit, or more than one reading does.
    """
    found_labels = _named(names, labels, where) if labels else _labels(names)
    if scores:
        chosen = tuple(name for name in _named(names, scores, where) if name not in found_labels)
        prefixes = {_parts(name)[0] for name in chosen}
        kind = _SCORES.get(prefixes.pop(), "auto") if len(prefixes) == 1 else "auto"
    else:
        chosen, kind = _scores([name for name in names if name not in found_labels], where)
    if not chosen:
        raise PredictionsError(
            f"{where}: no column of scores among {listed(names) or 'none'}. By convention "
            f"{CONVENTION}. Otherwise say which columns they are"
        )
    if not found_labels:
        raise PredictionsError(
            f"{where}: no column of labels among {listed(names) or 'none'}. By convention "
            f"{CONVENTION}. Otherwise say which column it is"
        )
    if len(found_labels) not in (1, len(chosen)):
        raise PredictionsError(
            f"{where}: {counted(len(chosen), 'column')} of scores and {len(found_labels)} of "
            f"labels ({listed(found_labels)}): expected one label column, or one per score column"
        )
    times = Counter(names)
    for name in chosen + found_labels:
        if times[name] > 1:
            raise PredictionsError(
                f"{where}: there are two columns called {shown(name)}; rename one"
            )
    class_names = _class_names(chosen)
    return Columns(chosen, _like(class_names, found_labels), kind, class_names)


def pick_key(names: Sequence[str], option: str, wanted: str, where: str) -> str:
    """Return the name of the array that holds the scores, or the labels, of an archive.

    Raises
    ------
    PredictionsError
        If there is none, or more than one.
    """
    if option:
        found = list(_named(names, option, where))
    else:
        known = _SCORES if wanted == "scores" else _LABELS
        extra = ("predictions", "preds") if wanted == "scores" else ()
        found = [name for name in names if name.lower() in (*known, *extra)]
    if len(found) == 1:
        return found[0]
    expected = (
        "an array called logits, probabilities or scores"
        if wanted == "scores"
        else "an array called labels, targets or y"
    )
    if not found:
        raise PredictionsError(
            f"{where}: expected {expected}; it holds {listed(names) or 'none'}. Name it"
        )
    raise PredictionsError(f"{where}: {listed(found)} may all be the {wanted}: name one")


def require(names: Iterable[str], columns: Columns, where: str) -> None:
    """Raise where a file lacks columns that those before it have."""
    held = set(names)
    missing = [name for name in columns.all if name not in held]
    if missing:
        raise PredictionsError(
            f"{where}: has no {listed(missing)}, which the first file has; all files of a data set "
            "must have the same columns"
        )


def kind_of(name: str) -> Kind:
    """Return what the name of an array or a column says of the scores in it."""
    return _SCORES.get(_parts(name)[0], "auto")


def _named(names: Sequence[str], wanted: str, where: str) -> tuple[str, ...]:
    found: list[str] = []
    for pattern in filter(None, map(str.strip, wanted.split(","))):
        if pattern in names:
            matches = [pattern]
        else:
            matches = _in_order([n for n in names if fnmatch.fnmatchcase(n, pattern)])
        if not matches:
            raise PredictionsError(
                f"{where}: no column is called {shown(pattern)}; there are {listed(names)}"
            )
        found += [name for name in matches if name not in found]
    return tuple(found)


def _labels(names: Sequence[str]) -> tuple[str, ...]:
    by_name = {name.lower(): name for name in reversed(names)}
    for known in _LABELS:
        if known in by_name:
            return (by_name[known],)
    several = [n for n in names if re.fullmatch(r"(?i)(target|label)[_.\-].+", n)]
    prefixes = {re.split(r"[_.\-]", n.lower())[0] for n in several}
    return tuple(_in_order(several)) if len(prefixes) == 1 else ()


def _scores(names: Sequence[str], where: str) -> tuple[tuple[str, ...], Kind]:
    by_prefix: dict[str, list[str]] = {}
    for name in names:
        prefix, _ = _parts(name)
        if prefix in _SCORES:
            by_prefix.setdefault(prefix, []).append(name)
    if len(by_prefix) > 1:
        raise PredictionsError(
            f"{where}: {listed(found[0] for found in by_prefix.values())} may all be the scores: "
            "name them, as in logit_*"
        )
    for prefix, found in by_prefix.items():
        return tuple(_in_order(found)), _SCORES[prefix]
    return (), "auto"


def _parts(name: str) -> tuple[str, str]:
    """Return what a name of scores begins with, and its class."""
    lower = name.lower()
    for prefix in sorted(_SCORES, key=len, reverse=True):
        if lower == prefix:
            return prefix, ""
        ending = name[len(prefix) :]
        if lower.startswith(prefix) and (ending[0] in "_-. " or ending.isdigit()):
            return prefix, ending.lstrip("_-. ")
    return "", name


def _class_names(scores: Sequence[str]) -> tuple[str, ...]:
    parts = [_parts(name) for name in scores]
    if len(scores) < 2 or len({prefix for prefix, _ in parts}) > 1:
        return ()
    names = tuple(ending for _, ending in parts)
    if not parts[0][0]:
        # Names of the user's own: what they have in common is no class.
        first, last = min(names), max(names)
        common = next((i for i, c in enumerate(first) if c != last[i : i + 1]), len(first))
        names = tuple(name[common:] for name in names)
    return names if all(names) and len(set(names)) == len(names) else ()


def _like(class_names: Sequence[str], labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return columns of targets in the order of the scores, where both are named after classes."""
    by_class = {re.split(r"[_.\-]", name, maxsplit=1)[-1]: name for name in labels}
    if len(labels) > 1 and by_class.keys() == set(class_names):
        return tuple(by_class[name] for name in class_names)
    return labels


def _in_order(names: Sequence[str]) -> list[str]:
    """Return numbered names by their numbers, others as they stand."""
    numbers = {name: ending.group() for name in names if (ending := re.search(r"\d+$", name))}
    if len(numbers) < len(set(names)):
        return list(names)
    return sorted(names, key=lambda name: int(numbers[name]))
