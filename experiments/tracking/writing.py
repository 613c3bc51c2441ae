"""What a run takes while it is open."""

from __future__ import annotations

import logging
import math
import posixpath
import re
import time
import warnings
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import altair as alt
import numpy as np
import pandas as pd

from core.diagnosis import Evidence, Severity
from experiments import outputs
from experiments.charts import style
from experiments.config import TrainConfig
from experiments.datasets import Dataset, Split
from experiments.models import Params
from experiments.outputs import Outputs
from experiments.spool import Entry, Point, Sender, Spool
from experiments.tracking import model, store
from experiments.tracking.sending import MOST_TEXT, send
from experiments.tracking.store import (
    explained,
    first_line,
    without_password,
)

if TYPE_CHECKING:
    from mlflow import MlflowClient

# Of the values that are not finite, in a tag.
MOST_NAMED = 50

_MOST_PARTS = 100  # params, or tags, that MLflow takes in one call
_log = logging.getLogger(__name__)


class Run:
    """A run being written. Made by `track`.

    Nothing here waits for the store: what is logged is on disk when a call returns, and sent from
    there in the background.
    """

    def __init__(
        self,
        client: MlflowClient,
        run_id: str,
        uri: str,
        stored_steps: Mapping[str, set[int]] | None = None,
    ) -> None:
        self.run_id = run_id
        self._is_over = False
        self._known_keys: set[str] = set()
        self._stored_steps = stored_steps or {}
        self._not_finite: dict[str, list[str]] = {}
        self._tables: list[str] = []
        self._predictions: dict[str, Outputs] = {}
        path = store.spool_folder(uri) / f"{run_id}.jsonl"
        self._store = without_password(uri)
        self._spool = Spool(path, self._store)
        self._sender = Sender(self._spool, partial(send, client, self._spool))

    def log_metrics(self, metrics: Mapping[str, float], step: int = 0) -> None:
        """Log one value per name at a step.

        Raises
        ------
        ValueError
            If a name is none that MLflow takes, or a value no number.
        """
        self.log_points([(key, value, step) for key, value in metrics.items()])

    def log_points(self, points: Iterable[tuple[str, float, int]]) -> None:
        """Log (name, value, step) by step.

        A value that is not finite would hide its chart: it is counted in a tag instead. What a
        resumed run has at a step already is not logged again.

        Raises
        ------
        ValueError
            If a name is none that MLflow takes, or a value no number.
        """
        self._require_open()
        now = int(time.time() * 1000)
        finite: list[Entry] = []
        for key, value, step in points:
            number = float(value)
            if key not in self._known_keys:
                _require_name(key)
                self._known_keys.add(key)
            if step in self._stored_steps.get(key, ()):
                continue
            if not -(2**63) <= step < 2**63:
                raise ValueError(f"step must lie within 64 bits; got {step}")
            if math.isfinite(number):
                finite.append(Point(key, number, now, int(step)))
            else:
                self._note_not_finite(key, number, step)
        self._sender.add(finite)

    def log_params(self, params: Mapping[str, Any]) -> None:
        """Log what the run is made with; MLflow keeps it as text, and for good."""
        for some in _parts(params):
            self._add("params", values=some)

    def set_tags(self, tags: Mapping[str, str]) -> None:
        """Set tags, over what they were."""
        for some in _parts(tags):
            self._add("tags", values=some)

    def describe(self, description: str) -> None:
        """Replace the Markdown at the top of the run's page."""
        self.set_tags({"mlflow.note.content": description})

    def log_predictions(
        self,
        logits: Any,
        labels: Any,
        *,
        step: int,
        split: str = "val",
        head: str = "",
        class_names: Iterable[str] = (),
    ) -> None:
        """Log what outputs come to, as metrics under `split` at `step`.

        Loss in nats; cross-entropy, entropy and divergence in bits; accuracy, Brier score, ECE, and
        the pull on the classes that are true and on the others. When the run ends, the last
        outputs of each split are logged too, as Parquet, with a table by class and the charts
        reliability, confusion and classes.

        Parameters
        ----------
        logits : array_like, shape (N, K), (N, 1) or (N,)
            Of NumPy, pandas, PyTorch (on any device, in a graph or not) or JAX.
        labels : array_like
            Class ids, shape (N,); or 0 and 1, shape (N, K).
        step : int
            As a rule the epoch.
        split : str
            Of the rows: "train", "val" and the like.
        head : str
            A key of `core.heads.HEADS`; by default what the shapes say.
        class_names : iterable of str
            By default the class ids.

        Raises
        ------
        ValueError
            If the arrays do not fit each other or the head.
        """
        said = outputs.read(logits, labels, head, class_names)
        values = said.loss_and_metrics() if said.is_defined else {"loss": math.nan}
        self.log_metrics({f"{split}/{name}": value for name, value in values.items()}, step)
        if said.is_defined:
            self._predictions[split] = said

    def log_outputs(self, said: Outputs, split: str) -> None:
        """Log outputs as predictions/<split>.parquet, a table by class, and charts."""
        with self._file(f"predictions/{split}.parquet") as path:
            said.rows().to_parquet(path, index=False)
        prefix = "" if split == "val" else f"{split}_"
        self.log_table(said.classes(), f"{prefix}classes")
        for name, chart in said.charts().items():
            self.log_chart(chart, f"{prefix}{name}")

    def log_diagnosis(
        self,
        figures: Mapping[str, float],
        evidence: Sequence[Evidence],
        reports: Mapping[str, str],
    ) -> None:
        """Log figures as metrics, evidence as tags and as a table, and reports/<name>."""
        self.log_metrics({f"diagnosis/{name}": value for name, value in figures.items()})
        counts = Counter(item.severity for item in evidence)
        self.log_metrics({f"diagnosis/{name}s": counts[name] for name in get_args(Severity)})
        self.set_tags(
            {
                f"evidence.{item.name}": f"{item.severity}: {item.seen}"[:MOST_TEXT]
                for item in evidence
            }
        )
        columns = ("name", "severity", "seen", "means", "do", "sure")
        self.log_table(
            pd.DataFrame([{key: getattr(item, key) for key in columns} for item in evidence]),
            "evidence",
        )
        for name, text in reports.items():
            with self._file(f"reports/{name}") as path:
                path.write_text(text, encoding="utf-8")

    def log_chart(self, chart: alt.TopLevelMixin, name: str) -> None:
        """Log a chart as charts/<name>.html, which needs no internet, and as <name>.svg."""
        for kind, text in zip(("html", "svg"), style.to_files(chart), strict=True):
            with self._file(f"charts/{name}.{kind}") as path:
                path.write_text(text, encoding="utf-8")

    def log_table(self, frame: pd.DataFrame, name: str) -> None:
        """Log a frame as tables/<name>.json, which the MLflow UI shows as a table."""
        with self._file(f"tables/{name}.json") as path:
            frame.to_json(path, orient="split", index=False)
        self._tables.append(f'{{"path": "tables/{name}.json", "type": "table"}}')
        self.set_tags({"mlflow.loggedArtifacts": f"[{', '.join(self._tables)}]"})

    def log_dataset(self, dataset: Dataset) -> None:
        """Log the rows trained on and those held out as the run's inputs, with their digests."""
        for split, context in ((dataset.train, "training"), (dataset.val, "validation")):
            self._add("input", context=context, dataset=_described(dataset, split, context))

    def log_model(self, config: TrainConfig, dataset: Dataset, params: Params) -> None:
        """Log a trained classifier as code and arrays, with its signature."""
        folder = self._spool.folder / model.NAME
        with explained():
            folder.parent.mkdir(parents=True, exist_ok=True)
            model.save(folder, config, dataset, params)
        self._add("model")

    def finish(self, status: str) -> None:
        """Send what is left and end the run, if a status is given.

        What the store does not take waits for `sync`.
        """
        for split, said in self._predictions.items():
            try:
                self.log_outputs(said, split)
            except Exception as error:
                _log.warning("The outputs of %s could not be logged: %s", split, first_line(error))
        for key in self._not_finite:
            self._tag_not_finite(key)
        self._add("end", status=status, at=int(time.time() * 1000))
        self._is_over = True
        if self._sender.error:
            _log.warning("The tracking store %s does not answer; trying again …", self._store)
        if self._sender.close():
            self._spool.remove()
            return
        num_unwritten, at = self._spool.num_unwritten, self._spool.path
        self._spool.close()
        _log.warning(
            "The tracking store %s has not received the end of run %s: %s. The rest of the run "
            "waits in %s; `python -m experiments sync` sends it.",
            self._store,
            self.run_id,
            first_line(self._sender.error or TimeoutError("no answer")),
            at,
        )
        if num_unwritten:
            _log.warning(
                "%d entries are lost: they could not be sent to the store, nor written to %s. "
                "Make room there.",
                num_unwritten,
                at.parent,
            )

    def _require_open(self) -> None:
        if self._is_over:
            raise ValueError(f"run {self.run_id} has ended: log inside its `with` block")

    def _add(self, kind: str, **note: Any) -> None:
        self._require_open()
        self._sender.add([{"kind": kind, **note}])

    @contextmanager
    def _file(self, path: str) -> Iterator[Path]:
        """Give the place of a file that goes to the store once it is written."""
        local = self._spool.folder / path
        with explained():
            local.parent.mkdir(parents=True, exist_ok=True)
            yield local
        self._add("file", path=path)

    def _note_not_finite(self, key: str, value: float, step: int) -> None:
        values = self._not_finite.setdefault(key, [])
        values.append(f"{value} at step {step}")
        # Often enough for a process that is killed, and rare enough for one that logs NaN for ever.
        if len(values) & (len(values) - 1) == 0:
            self._tag_not_finite(key)

    def _tag_not_finite(self, key: str) -> None:
        values = self._not_finite[key]
        named = ", ".join(values[:MOST_NAMED]) + ", …" * (len(values) > MOST_NAMED)
        self.set_tags({f"not_finite.{key}": f"{len(values)}: {named}"[:MOST_TEXT]})


def _parts(values: Mapping[str, Any]) -> Iterator[dict[str, str]]:
    """Give values as text, as many at a time as MLflow takes."""
    items = [(key, str(value)) for key, value in values.items()]
    for start in range(0, len(items), _MOST_PARTS):
        yield dict(items[start : start + _MOST_PARTS])


def _require_name(key: str) -> None:
    if (
        not re.fullmatch(r"[\w\-. :/]{1,250}", key)
        or key.startswith(("/", ".."))
        or posixpath.normpath(key) != key
        or key == "."
    ):
        raise ValueError(
            "the name of a metric must have 1 to 250 letters, digits, spaces or _ - . : /, with a "
            f"part other than . and .. on both sides of each /; got {key!r}"
        )


def _described(dataset: Dataset, split: Split, context: str) -> dict[str, Any]:
    """Return a split as MLflow describes a data set."""
    from mlflow.data.pandas_dataset import from_pandas

    if split.labels.ndim == 1:
        table = split.features.assign(label=np.array(dataset.class_names)[split.labels])
    else:
        table = split.features.join(pd.DataFrame(split.labels, columns=list(dataset.class_names)))
    with warnings.catch_warnings():
        # A path can be read as a source in several ways, all of them alike; integers are counts.
        warnings.filterwarnings("ignore", module="mlflow")
        warnings.filterwarnings("ignore", message=".*(interpreted in multiple ways|integer column)")
        entity = from_pandas(
            table,
            source=dataset.spec.source,
            targets="label" if split.labels.ndim == 1 else None,
            name=f"{dataset.spec.name}-{context}",
        )._to_mlflow_entity()
    return dict(entity)
