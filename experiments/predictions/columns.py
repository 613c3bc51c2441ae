"""Which columns are the scores and which the labels: by their names, or as the user says."""

from __future__ import annotations

import fnmatch
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass

from core.diagnosis import Kind
from core.words import counted
from experiments.predictions.common import MISSING, PredictionsError, listed, shown

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
    "log_odds": "logits",
    "logodds": "logits",
    "decision_function": "auto",
    "pred_prob": "auto",
    "pred_probs": "auto",
    "pred_proba": "auto",
    "predicted_prob": "auto",
    "predicted_proba": "auto",
    "predicted_probability": "auto",
}
# Before a number these may be scores, where nothing is called so.
_LIKELY = (
    "", "p", "pred", "preds", "prediction", "predictions", "y_pred", "y_hat", "yhat", "conf",
    "confidence", "class", "cls", "label", "out",
)  # fmt: skip
_LIKELY_ALONE = ("p", "pred", "y_pred", "y_hat", "yhat")
_LIKELY_ARRAYS = ("predictions", "preds", "pred", "prediction", "y_pred", "y_hat", "yhat", "out")
# The first of these that there is.
_LABELS = (
    "label", "labels", "target", "targets", "y_true", "y", "true_label", "ground_truth", "class",
    "true_labels", "true_class", "actual", "truth", "true", "gt", "gts", "ground_truths", "gold",
    "gold_label", "y_test", "y_val", "label_id", "label_idx", "class_id", "class_idx",
    "label_name", "category", "groundtruth", "truelabel", "gt_label",
)  # fmt: skip
_TARGETS = re.compile(r"(?i)(target|label|y_true|true|one_?hot|gt)[_.\-\[](.+?)\]?")
_NUMBERED = re.compile(r"(.*?)[_\-. \[(]*(\d+)[\])]?")
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
    note : str
        By what they were found, where that was no convention.
    """

    scores: tuple[str, ...]
    labels: tuple[str, ...]
    kind: Kind = "auto"
    class_names: tuple[str, ...] = ()
    note: str = ""

    @property
    def all(self) -> tuple[str, ...]:
        """Scores and labels."""
        return self.scores + self.labels


def choose(
    names: Sequence[str],
    scores: str,
    labels: str,
    where: str,
    values: Callable[[str], Collection[str]],
) -> Columns:
    """Return which of a file's columns to read.

    Parameters
    ----------
    names : sequence of str
        All there are.
    scores, labels : str
        Names or patterns such as "out_*", separated by commas; "" goes by convention.
    where : str
        The file, for messages.
    values : callable
        Returns what a column of labels holds, as text; asked only where names do not tell.

    Raises
    ------
    PredictionsError
        If none fit, or more than one reading does.
    """
    note = ""
    found_labels = _named(names, labels, where) if labels else _labels(names)
    if scores:
        chosen = tuple(name for name in _named(names, scores, where) if name not in found_labels)
        prefixes = {_parts(name)[0] for name in chosen}
        kind = _SCORES.get(prefixes.pop(), "auto") if len(prefixes) == 1 else "auto"
    else:
        others = [name for name in names if name not in found_labels]
        chosen, kind = _scores(others, where)
        if not chosen:
            chosen = _numbered(others) or _beside(others, found_labels) or _alone(others)
            if not chosen and len(found_labels) == 1:
                chosen = _called_as(others, values(found_labels[0]))
            note = f"scores are taken from the columns {listed(chosen)}" if chosen else ""
    if not chosen:
        others = [name for name in names if name not in found_labels]
        raise PredictionsError(
            f"{where}: no column of scores among {listed(names) or 'none'}. By convention "
            f"{CONVENTION}. Otherwise name them, as in --scores {_as_option(others)}"
        )
    if not found_labels:
        raise PredictionsError(
            f"{where}: no column of labels among {listed(names) or 'none'}. By convention "
            f"{CONVENTION}. Otherwise name it, as in --labels {_as_option(names[-1:])}"
        )
    if len(found_labels) not in (1, len(chosen)):
        raise PredictionsError(
            f"{where}: {counted(len(chosen), 'column')} of scores and {len(found_labels)} of "
            f"labels ({listed(found_labels)}): expected one label column, or one per score "
            "column. Name what to read with --scores and --labels"
        )
    times = Counter(names)
    for name in chosen + found_labels:
        if times[name] > 1:
            raise PredictionsError(
                f"{where}: there are two columns called {shown(name)}; rename one"
            )
    class_names = _class_names(chosen)
    return Columns(chosen, _like(class_names, found_labels), kind, class_names, note)


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
        found = [name for name in names if name.lower() in known]
        if not found and wanted == "scores":
            found = [name for name in names if name.lower() in _LIKELY_ARRAYS]
        if wanted == "labels":
            found.sort(key=lambda name: _LABELS.index(name.lower()))
            found = found[:1]
    if len(found) == 1:
        return found[0]
    expected = (
        "an array called logits, probabilities or scores"
        if wanted == "scores"
        else "an array called labels, targets or y"
    )
    if not found:
        raise PredictionsError(
            f"{where}: expected {expected}; it holds {listed(names) or 'none'}. Name it with "
            f"--{wanted}"
        )
    raise PredictionsError(
        f"{where}: {listed(found)} may all be the {wanted}: name one, as in --{wanted} "
        f"{_as_option(found[:1])}"
    )


def require(names: Iterable[str], columns: Columns, where: str) -> None:
    """Raise where a file lacks columns that those before it have."""
    held = set(names)
    missing = [name for name in columns.all if name not in held]
    if missing:
        raise PredictionsError(
            f"{where}: has no {listed(missing)}, which the first file has; all files of a data set "
            "must have the same columns"
        )


def class_of(name: str) -> str:
    """Return the class that a column of scores is called after; "" for none."""
    prefix, ending = _parts(name)
    return ending if prefix else ""


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
    by_name = {re.sub(r"[\s-]+", "_", name.lower()): name for name in reversed(names)}
    for known in _LABELS:
        if known in by_name:
            return (by_name[known],)
    several = {name: found[1].lower() for name in names if (found := _TARGETS.fullmatch(name))}
    return tuple(_in_order(list(several))) if len(set(several.values())) == 1 else ()


def _scores(names: Sequence[str], where: str) -> tuple[tuple[str, ...], Kind]:
    by_prefix: dict[str, list[str]] = {}
    for name in names:
        prefix, _ = _parts(name)
        if prefix in _SCORES:
            by_prefix.setdefault(prefix, []).append(name)
    if len(by_prefix) > 1:
        raise PredictionsError(
            f"{where}: {listed(found[0] for found in by_prefix.values())} may all be the scores: "
            f"name them, as in --scores '{next(iter(by_prefix))}*'"
        )
    for prefix, found in by_prefix.items():
        return tuple(_in_order(found)), _SCORES[prefix]
    return (), "auto"


def _numbered(names: Sequence[str]) -> tuple[str, ...]:
    """Return columns such as p0, p1, …, that count from 0 or 1 and are the only ones to do so."""
    by_stem: dict[str, dict[int, str]] = {}
    for name in names:
        found = _NUMBERED.fullmatch(name)
        if found and found[1].lower() in _LIKELY:
            by_stem.setdefault(found[1].lower(), {})[int(found[2])] = name
    whole = [
        [held[number] for number in sorted(held)]
        for held in by_stem.values()
        if len(held) > 1 and min(held) <= 1 and max(held) - min(held) == len(held) - 1
    ]
    return tuple(whole[0]) if len(whole) == 1 else ()


def _beside(names: Sequence[str], targets: Sequence[str]) -> tuple[str, ...]:
    """Return columns such as pred_a, pred_b beside targets such as true_a, true_b."""
    endings = {found[2] for name in targets if (found := _TARGETS.fullmatch(name))}
    for stem in filter(None, _LIKELY):
        start = re.compile(rf"(?i){stem}[_.\-]")
        scores = [n for n in names if (begin := start.match(n)) and n[begin.end() :] in endings]
        if len(scores) > 1 and len(scores) == len(endings):
            return tuple(scores)
    return ()


def _alone(names: Sequence[str]) -> tuple[str, ...]:
    """Return the one column that may be the score of the second of two classes."""
    found = tuple(name for name in names if name.lower() in _LIKELY_ALONE)
    return found if len(found) == 1 else ()


def _called_as(names: Sequence[str], values: Collection[str]) -> tuple[str, ...]:
    """Return the columns that are called what the labels are, if each label has one."""
    found = tuple(name for name in names if name in values)
    given = {value for value in values if value in found or value.strip() not in MISSING}
    return found if len(found) > 1 and len(found) == len(given) else ()


def _as_option(names: Sequence[str]) -> str:
    """Return names as the value of an option, to be pasted."""
    no_scores = ("id", "index", "unnamed: 0")
    plain = [n for n in names if re.fullmatch(r"[\w. -]+", n) and n.lower() not in no_scores]
    plain = [name for name in plain if len(name) <= 40][:6]
    value = ",".join(plain) or "a,b,c"
    return f'"{value}"' if " " in value else value


def _parts(name: str) -> tuple[str, str]:
    """Return what a name of scores begins with, and its class."""
    lower = name.lower()
    for prefix in sorted(_SCORES, key=len, reverse=True):
        if lower == prefix:
            return prefix, ""
        ending = name[len(prefix) :]
        if lower.startswith(prefix) and (ending[0] in "_-. [(" or ending.isdigit()):
            brackets = "])" if ending[0] in "[(" else ""
            # Of logit_- the class is -.
            return prefix, (ending.lstrip("_-. [(") or ending[1:]).rstrip(brackets or None)
    return "", name


def _class_names(scores: Sequence[str]) -> tuple[str, ...]:
    parts = [_parts(name) for name in scores]
    if len(scores) < 2 or len({prefix for prefix, _ in parts}) > 1:
        return ()
    names = tuple(ending for _, ending in parts)
    numbered = [_NUMBERED.fullmatch(name) for name in scores]
    stems = {found[1] for found in numbered if found}
    if not parts[0][0] and all(numbered) and len(stems) == 1:
        names = tuple(found[2] for found in numbered if found)
    elif not parts[0][0]:
        # Names of the user's own: what they have in common is no class.
        first, last = min(names), max(names)
        common = next((i for i, c in enumerate(first) if c != last[i : i + 1]), len(first))
        names = tuple(name[common:] for name in names)
    return names if all(names) and len(set(names)) == len(names) else ()


def _like(class_names: Sequence[str], labels: tuple[str, ...]) -> tuple[str, ...]:
    """Return columns of targets in the order of the scores, where both are named after classes."""
    by_class = {found[2] if (found := _TARGETS.fullmatch(name)) else name: name for name in labels}
    if len(labels) > 1 and by_class.keys() == set(class_names):
        return tuple(by_class[name] for name in class_names)
    return labels


def _in_order(names: Sequence[str]) -> list[str]:
    """Return numbered names by their numbers, others as they stand."""
    numbers = {
        name: ending.group() for name in names if (ending := re.search(r"\d+(?=[\])]?$)", name))
    }
    if len(numbers) < len(set(names)):
        return list(names)
    return sorted(names, key=lambda name: int(numbers[name]))
