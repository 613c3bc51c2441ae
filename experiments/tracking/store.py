"""Where runs are kept, and the way there."""

from __future__ import annotations

import fcntl
import http.client
import logging
import os
import re
import socket
import sqlite3
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from experiments.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient

ROOT = Path(__file__).resolve().parents[2]
RUNS = ROOT / "runs"
EXPERIMENT = "Cross-Entropy Lab"
# Its steps are no epochs: apart, so that the UI draws neither over the other.
THEORY = "Cross-Entropy Lab: theory"
# Of files, not of training: no curves.
DIAGNOSES = "Cross-Entropy Lab: diagnoses"
UI_VARIABLE = "CROSS_ENTROPY_LAB_MLFLOW_UI"
DEFAULT_UI = "http://127.0.0.1:5000"

_REACH_SECONDS = 4


class TrackingError(UserError):
    """The tracking store can't be used; the message says which, why, and what to do."""


@contextmanager
def explained() -> Iterator[None]:
    """Turn whatever MLflow, SQLAlchemy or the file system raises into a `TrackingError`."""
    try:
        yield
    except TrackingError:
        raise
    except Exception as error:
        remedy = (
            "Set MLFLOW_TRACKING_URI to another store, or unset it to keep the runs in runs/."
            if os.environ.get("MLFLOW_TRACKING_URI")
            else "Move the file away to start afresh, or set MLFLOW_TRACKING_URI to another store."
        )
        raise TrackingError(
            f"The tracking store {without_password(tracking_uri())} can't be used: "
            f"{first_line(error)}. {remedy}"
        ) from error


def tracking_uri() -> str:
    """Return where runs go: MLFLOW_TRACKING_URI where it is set, else SQLite in runs/."""
    uri = os.environ.get("MLFLOW_TRACKING_URI", "").strip()
    return absolute(uri) if uri else f"sqlite:///{RUNS / 'mlflow.db'}"


def absolute(uri: str) -> str:
    """Return the address of a store, the same from whatever folder it is used."""
    database = sqlite_path(uri)
    return uri if database is None else f"sqlite:///{database}"


def artifact_root() -> Path | None:
    """Return the folder of the artifacts beside a SQLite store; other stores have their own."""
    database = sqlite_path(tracking_uri())
    return None if database is None else database.parent / "artifacts"


def ui_address() -> str:
    """Return the address of the MLflow UI that shows the runs of `tracking_uri`."""
    uri = tracking_uri()
    if uri.startswith(("http://", "https://")):
        return uri.rstrip("/")
    return os.environ.get(UI_VARIABLE, DEFAULT_UI)


def answers(address: str) -> bool:
    """Return whether a server at `address` answers within a second, whatever it says."""
    try:
        urllib.request.urlopen(f"{address}/health", timeout=1).close()  # noqa: S310
    except urllib.error.HTTPError:
        return True
    except (OSError, ValueError, http.client.HTTPException):
        return False
    return True


def connect(uri: str = "") -> MlflowClient:
    """Return a client of a store, by default that of `tracking_uri`; its tables exist.

    Raises
    ------
    TrackingError
        If the store can't be reached (within 10 s) or opened.
    """
    uri = uri or tracking_uri()
    _require_answer(uri)
    with explained():
        client = _client(uri)
        database = sqlite_path(uri)
        if database is None or _identity(database) == _opened.get(uri):
            return client
        # Deleted, and perhaps made anew, since: what is open reads the file that is no more.
        client._tracking_client.store.engine.dispose()
        _client.cache_clear()
        return _client(uri)


def checkpoint_path(run_id: str) -> Path:
    """Return where a run keeps what it resumes from."""
    return spool_folder().with_name("checkpoints") / f"{run_id}.npz"


def spool_folder(uri: str = "") -> Path:
    """Return where what a store is owed waits: beside a SQLite store, else in runs/."""
    database = sqlite_path(uri or tracking_uri())
    return (RUNS if database is None else database.parent) / "spool"


def experiment_id(client: MlflowClient, name: str) -> str:
    """Return the id of an experiment, which is made or restored where it has to be."""
    from mlflow.exceptions import MlflowException

    experiment = client.get_experiment_by_name(name)
    if experiment is None:
        root = artifact_root()
        try:
            return client.create_experiment(
                name, artifact_location=None if root is None else root.as_uri()
            )
        except MlflowException:
            # Another process was first.
            experiment = client.get_experiment_by_name(name)
            if experiment is None:
                raise
    if experiment.lifecycle_stage == "deleted":
        client.restore_experiment(experiment.experiment_id)
    return str(experiment.experiment_id)


# Address → the file that was there when it was opened.
_opened: dict[str, tuple[int, int] | None] = {}


def _identity(database: Path) -> tuple[int, int] | None:
    """Return what tells a file from another of the same name; of none, None."""
    try:
        status = database.stat()
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino


@lru_cache(maxsize=4)
def _client(uri: str) -> MlflowClient:
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    os.environ["MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT"] = "true"
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # The default of seven retries blocks for four minutes.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "2")
    logging.getLogger("alembic").setLevel(logging.WARNING)
    # What breaks there is an error of the call it was for: no traceback beside it.
    for name in ("mlflow.store.db.utils", "sqlalchemy.pool"):
        logging.getLogger(name).setLevel(logging.CRITICAL)
    from mlflow import MlflowClient

    database = sqlite_path(uri)
    if database is None:
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
        return client
    database.parent.mkdir(parents=True, exist_ok=True)
    # A client creates the tables, and two that do so at once break the file for good.
    with database.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not database.exists():
            _make_tables(database)
        with closing(sqlite3.connect(database)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
        client = MlflowClient(uri)
        client.search_experiments(max_results=1)
    _opened[uri] = _identity(database)
    return client


def _make_tables(database: Path) -> None:
    """Make the file, whole or not at all: a process that dies half-way would leave it broken."""
    from mlflow.store.db.utils import _initialize_tables, create_sqlalchemy_engine
    from sqlalchemy import event

    unfinished = database.with_suffix(".unfinished")
    unfinished.unlink(missing_ok=True)
    engine = create_sqlalchemy_engine(f"sqlite:///{unfinished}")

    @event.listens_for(engine, "connect")
    def write_without_waiting(connection: sqlite3.Connection, _: object) -> None:
        # To wait for the disk after each of a few hundred statements takes most of the time.
        connection.execute("PRAGMA synchronous=OFF")

    _initialize_tables(engine)
    engine.dispose()
    with unfinished.open("rb+") as made:
        os.fsync(made.fileno())
    unfinished.replace(database)


def _require_answer(uri: str) -> None:
    """Raise within seconds where nobody listens; MLflow itself would retry for minutes."""
    try:
        parts = urllib.parse.urlsplit(uri)
        if not parts.hostname:
            return
        if parts.scheme in ("http", "https"):
            try:
                base = uri.replace(parts.netloc, parts.netloc.rpartition("@")[2], 1).rstrip("/")
                urllib.request.urlopen(f"{base}/health", timeout=_REACH_SECONDS).close()  # noqa: S310
            except urllib.error.HTTPError:
                pass  # An answer is an answer: some deployments guard or hide this path.
        elif parts.port:
            socket.create_connection((parts.hostname, parts.port), _REACH_SECONDS).close()
    except (OSError, ValueError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", error)
        raise TrackingError(
            f"The tracking server {without_password(uri)} can't be reached: {reason}. "
            "Start it, set MLFLOW_TRACKING_URI to one that answers, or unset it to use runs/."
        ) from error


def sqlite_path(uri: str) -> Path | None:
    """Return the file of a SQLite store; of another store, None."""
    scheme, _, rest = uri.partition(":///")
    return Path(rest).absolute() if scheme == "sqlite" else None


def without_password(uri: str) -> str:
    """Return an address that can be shown."""
    return re.sub(r"(//[^/@:]*):[^/@]*@", r"\1:…@", uri)


def first_line(error: BaseException) -> str:
    """Return what an error says, in a line."""
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
