"""Work spread over processes by Dask: of this machine, or of a cluster."""

from __future__ import annotations

import logging
import os
import signal
import urllib.parse
import warnings
from collections import Counter
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

import core
from experiments.errors import UserError

if TYPE_CHECKING:
    from distributed import Client

CONNECT_SECONDS = 10


class NeedsShared(Protocol):
    """A task that needs one of the shared values."""

    @property
    def shared_key(self) -> Hashable:
        """Which."""


Task = TypeVar("Task", bound=NeedsShared)


class ClusterError(UserError):
    """The cluster can't be used; the message says which, why, and what to do."""


@contextmanager
def connected(scheduler: str = "", num_workers: int = 0) -> Iterator[Client]:
    """Give a client of a cluster: that of `scheduler`, or processes of this machine.

    Parameters
    ----------
    scheduler : str
        The address of a Dask scheduler, tcp://host:port; by default processes are started here,
        which talk to each other over 127.0.0.1 with certificates of their own, and stopped again.
    num_workers : int
        How many to start; by default one for each core.

    Raises
    ------
    ClusterError
        If nobody answers at `scheduler`.
    """
    from distributed import Client, LocalCluster

    if scheduler:
        try:
            with _quiet():
                client = Client(scheduler, timeout=CONNECT_SECONDS)
        except (OSError, ValueError, TypeError) as error:
            raise ClusterError(
                f"The Dask scheduler {scheduler} can't be reached: {error}. Start one with "
                "`dask scheduler`, or leave --scheduler out to use the cores of this machine"
            ) from error
        with client:
            yield client
        return
    with _quiet(), ExitStack() as stack:
        with _interrupts_held_back():
            cluster = stack.enter_context(
                LocalCluster(
                    n_workers=num_workers or len(os.sched_getaffinity(0)),
                    threads_per_worker=1,
                    processes=True,
                    host="127.0.0.1",
                    protocol="tls://",
                    security=True,
                    dashboard_address="127.0.0.1:0",
                    worker_dashboard_address=None,
                    memory_limit=0,
                    silence_logs=logging.CRITICAL,
                )
            )
            client = stack.enter_context(Client(cluster))
        yield client


def is_loopback(address: str) -> bool:
    """Return whether an address is that of this machine to itself."""
    host = urllib.parse.urlsplit(address).hostname or ""
    return host in ("localhost", "::1") or host.startswith("127.")


def spread(
    client: Client, work: Callable[..., Any], tasks: Sequence[Task], shared: Mapping[Any, Any]
) -> Iterator[tuple[Task, Any]]:
    """Yield each task with what came of it, in the order they end.

    What a worker that is lost was doing is done again by another.

    Parameters
    ----------
    client : Client
    work : callable
        (task, shared value) → result.
    tasks : sequence
    shared : mapping
        Values that many tasks need; each is sent once.

    Yields
    ------
    (task, result)
        The result is an exception where `work` raised it, or a worker was lost too often.
    """
    from distributed import as_completed

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Sending large graph")
        # As results and not as scattered data: those can be computed again.
        held = {key: client.submit(_given, value, pure=False) for key, value in shared.items()}
        futures = {
            client.submit(_held_to_share, work, task, held[task.shared_key], _slots(client),
                          pure=False): task
            for task in tasks
        }  # fmt: skip
        for future in as_completed(futures):
            error = future.exception()
            yield futures[future], future.result() if error is None else error


def _given(value: Any) -> Any:
    return value


def _slots(client: Client) -> dict[str, int]:
    """Return how many tasks run at once on each host."""
    slots: Counter[str] = Counter()
    for worker in client.scheduler_info(n_workers=-1)["workers"].values():
        slots[worker["host"]] += worker["nthreads"]
    return dict(slots)


def _held_to_share(work: Callable[..., Any], task: Any, shared: Any, slots: dict[str, int]) -> Any:
    """Do the work with as many threads as fall to this task of its machine's cores."""
    from distributed import get_worker
    from threadpoolctl import threadpool_limits

    host = urllib.parse.urlsplit(get_worker().address).hostname or ""
    share = max(1, len(os.sched_getaffinity(0)) // max(1, slots.get(host, 1)))
    core.set_num_threads(share)
    with threadpool_limits(share):
        return work(task, shared)


@contextmanager
def _interrupts_held_back() -> Iterator[None]:
    """Keep Ctrl-C until the block is through, and from the processes started in it for good.

    A terminal sends it to all of them; what they do ends with the process that gave it to them.
    """
    previous = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, previous)


@contextmanager
def _quiet() -> Iterator[None]:
    """Leave out what Dask says of workers that come and go: the results say it."""
    logger = logging.getLogger("distributed")
    previous = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(previous)
