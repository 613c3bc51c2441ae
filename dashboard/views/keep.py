"""The trainings of the page Train as runs in MLflow, and as a command line."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import streamlit as st

from core.heads import HEADS
from dashboard import state
from dashboard.frames.train import NUM_EPOCHS
from experiments import runs, tracking
from experiments.config import TrainConfig
from experiments.datasets import Dataset, load
from experiments.runs import FinishedRun
from experiments.training import DivergedError, Epoch

# In the session: what is on its way to MLflow.
JOB = "training job"


@dataclass(frozen=True)
class Job:
    """A comparison on its way to MLflow."""

    future: Future[tuple[str, dict[str, str]]]  # what it shows, and title → link
    done: list[Epoch]
    num_epochs: int  # that will be done


@st.cache_resource
def writer() -> ThreadPoolExecutor:
    """Return what writes runs, one comparison after the other, while pages go on."""
    return ThreadPoolExecutor(1, "mlflow")


def is_writing() -> bool:
    """Return whether a comparison is on its way."""
    job: Job | None = st.session_state.get(JOB)
    return job is not None and not job.future.done()


def show_log(configs: list[TrainConfig]) -> None:
    """Offer to log the trainings, and show how that goes and where they are."""
    job: Job | None = st.session_state.get(JOB)
    is_busy = is_writing()
    st.header("Keep the runs")
    st.markdown("Log these trainings to MLflow, as runs of one comparison.")
    st.button(
        "Log to MLflow",
        icon=":material/upload:",
        key="log",
        disabled=is_busy,
        on_click=_start_job,
        args=(configs,),
    )
    with st.expander("The same trainings on the command line", icon=":material/terminal:"):
        st.code("\n".join(command(config) for config in configs), language="bash", wrap_lines=True)
    if job is None:
        return
    if is_busy:
        st.progress(len(job.done) / job.num_epochs, "Training and logging…")
        return
    try:
        conclusion, links = job.future.result()
    except tracking.TrackingError as error:
        state.refuse("This can't be logged.", str(error))
    except DivergedError as error:
        state.refuse("A training stopped early; its run is kept as failed.", str(error))
    except OSError as error:
        state.refuse(
            "This can't be stored on disk: free some space, or make the folder writable.",
            str(error),
        )
    else:
        st.success(conclusion)
        with st.container(horizontal=True):
            for title, link in links.items():
                st.link_button(title, link, icon=":material/open_in_new:")


def command(config: TrainConfig) -> str:
    """Return the line for a shell that does this training."""
    mistakes = " --mistakes" if config.mistakes else ""
    return (
        f"python -m experiments train --dataset {config.dataset} --head {config.head} "
        f"--hidden {config.hidden} --epochs {config.num_epochs} "
        f"--learning-rate {config.learning_rate!r} --seed {config.seed}{mistakes}"
    )


def _start_job(configs: list[TrainConfig]) -> None:
    if is_writing():
        return  # a press that was said twice
    done: list[Epoch] = []
    future = writer().submit(_log, configs, done.append)
    st.session_state[JOB] = Job(future, done, len(configs) * (NUM_EPOCHS + 1))


def _log(
    configs: list[TrainConfig], on_epoch: Callable[[Epoch], None]
) -> tuple[str, dict[str, str]]:
    def train_child(config: TrainConfig, dataset: Dataset, parent: str) -> FinishedRun:
        return runs.train_and_track(config, dataset, on_epoch, parent)

    first = configs[0]
    comparison = runs.compare(configs, load(first.dataset, first.seed), train_child)
    links = {"The comparison": tracking.run_link(comparison.run_id)}
    for child in comparison.children:
        links[HEADS[child.config.head].title] = tracking.run_link(child.run_id)
    return comparison.conclusion, links
