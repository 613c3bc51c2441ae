"""Two heads on the same data, epoch by epoch."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from time import monotonic

import streamlit as st

from core.heads import HEADS, Head, heads_for
from dashboard import page, state
from dashboard.charts.train import boundary_chart, course_chart, pull_course_chart
from dashboard.frames import train as frames
from dashboard.frames.common import written
from dashboard.frames.train import NUM_EPOCHS, Course
from experiments import runs, tracking
from experiments.charts import style
from experiments.config import TrainConfig
from experiments.datasets import DATASETS, Dataset, load
from experiments.frames import pull_frame
from experiments.runs import FinishedRun
from experiments.training import DivergedError, Epoch

SUMMARY = "Two heads that train side by side, epoch by epoch, and into MLflow."

# Those of the plane first: there a boundary can be seen.
SAMPLES = tuple(dict.fromkeys(("spirals", "blobs", "moons", *DATASETS)))
SAMPLE = state.Choice("sample", "Data set", "Spirals, blobs and moons are points of a plane.")
FIRST = state.Choice("first", "First head", "Those that fit the data set's task.")
SECOND = state.Choice("second", "Second head", "Another that fits, to compare the first with.")
HIDDEN = state.Slider(
    "hidden", "Hidden units", 32, 0, 64, 4, "Of the one hidden layer; 0 is a linear model."
)
RATE = state.Slider("rate", "Learning rate", 0.01, 1e-6, 1e30, 1e-3, "Adam's step size.")
SEED = state.Slider("seed", "Seed", 0, 0, 99, 1, "Of the split, the weights and the batches.")
EPOCH = state.Slider("epoch", "Epoch", NUM_EPOCHS, 0, NUM_EPOCHS, 1, "0 is before training.")
SPEED = state.Slider("speed", "Epochs a second", 4, 2, 20, 2, "How fast Play goes.")

TICK_SECONDS = 0.5
JOB_SECONDS = 1.0
# What plays goes on from where it was seen last, however long the page was left.
LONGEST_TICK_SECONDS = 3.0
# In the session: where it plays, and what is on its way to MLflow.
PLAYED, JOB = "played", "training job"

TRUE, OTHERS = rf"\color{{{style.GREEN}}}", rf"\color{{{style.PURPLE}}}"
# The loss of one row, the terms coloured as the pull on their classes.
LATEX = {
    "softmax_cce": rf"L = {{{TRUE} -\log s_p}}",
    "ovr_sigmoid_bce": (
        rf"L = {{{TRUE} -\log \sigma(z_p)}}"
        rf" {{{OTHERS} {{}} - \textstyle\sum_n \log(1 - \sigma(z_n))}}"
    ),
    "sigmoid_bce": r"L = -t \log \sigma(z) - (1 - t) \log(1 - \sigma(z))",
    "multi_label_sigmoid_bce": (
        rf"L = {{{TRUE} -\textstyle\sum_p \log \sigma(z_p)}}"
        rf" {{{OTHERS} {{}} - \textstyle\sum_n \log(1 - \sigma(z_n))}}"
    ),
    "softmax_twice_cce": r"L = -\log \mathrm{softmax}(s)_p,\ s = \mathrm{softmax}(z)",
    "sigmoid_cce": r"L = -\log \mathrm{softmax}(\sigma(z))_p",
    "softmax_squared_error": (rf"L = {{{TRUE} (s_p - 1)^2}} + {{{OTHERS} \textstyle\sum_n s_n^2}}"),
    "sigmoid_squared_error": r"L = (\sigma(z) - t)^2",
}


@dataclass(frozen=True)
class Played:
    """Where it plays: the epoch, with how much of the next has passed, and when that was."""

    epoch: float
    at: float


@dataclass(frozen=True)
class Job:
    """A comparison on its way to MLflow."""

    future: Future[tuple[str, dict[str, str]]]  # what it shows, and title → link
    done: list[Epoch]
    num_epochs: int  # that will be done


@st.cache_resource(max_entries=20, show_spinner=False)
def sample(name: str, seed: int) -> Dataset:
    """Return a data set; nothing writes into it."""
    return load(name, seed)


@st.cache_resource(max_entries=50, show_spinner="Training…")
def course(config: TrainConfig) -> Course:
    """Return a whole training; nothing writes into it."""
    return frames.course(config, sample(config.dataset, config.seed))


@st.cache_resource
def writer() -> ThreadPoolExecutor:
    """Return what writes runs, one comparison after the other, while pages go on."""
    return ThreadPoolExecutor(1, "mlflow")


def watch(clock: float | None) -> None:
    """Show the controls and what follows from them; called every `clock` seconds, if at all."""
    if PLAYED in st.session_state and clock == TICK_SECONDS:
        _play_on()
    if _clock() != clock:
        # Only the whole page can start and stop the clock of a fragment.
        st.rerun()
    with page.controls():
        configs = _configs()
    # In a talk too: to play is what it is there for.
    epoch = _epoch()
    dataset = sample(configs[0].dataset, configs[0].seed)
    courses = [course(config) for config in configs]
    for each in courses:
        if each.problem:
            state.refuse(f"{each.title} broke off after {len(each.epochs)} epochs.", each.problem)
    trained = [each for each in courses if each.epochs]
    if trained:
        _show_heads(trained, epoch, dataset)
        _show_courses(trained, epoch)
    _show_log(configs)


def _clock() -> float | None:
    """Return after how many seconds the page has something new to show, if it has."""
    if PLAYED in st.session_state:
        return TICK_SECONDS
    job = st.session_state.get(JOB)
    return None if job is None or job.future.done() else JOB_SECONDS


def _configs() -> list[TrainConfig]:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = state.choose(SAMPLE, SAMPLES)
        fitting = heads_for(DATASETS[name].task, mistakes=True)
        heads = {titled(head): head for head in fitting}
        first = state.choose(FIRST, list(heads))
        others = [title for title in heads if title != first]
        chosen = [first, state.choose(SECOND, others)] if others else [first]
    if not others:
        st.caption(f"{first} is the only head here for {DATASETS[name].title}.")
    columns = st.columns(3, vertical_alignment="bottom")
    with columns[0]:
        hidden = int(state.slider(HIDDEN))
    with columns[1]:
        rate = _typed(RATE)
    with columns[2]:
        seed = int(state.slider(SEED))
    return [
        TrainConfig(
            name,
            heads[title].name,
            hidden,
            NUM_EPOCHS,
            learning_rate=rate,
            seed=seed,
            mistakes=heads[title].is_mistake,
        )
        for title in chosen
    ]


def command(config: TrainConfig) -> str:
    """Return the line for a shell that does this training."""
    mistakes = " --mistakes" if config.mistakes else ""
    return (
        f"python -m experiments train --dataset {config.dataset} --head {config.head} "
        f"--hidden {config.hidden} --epochs {config.num_epochs} "
        f"--learning-rate {config.learning_rate!r} --seed {config.seed}{mistakes}"
    )


def _typed(control: state.Slider) -> float:
    """Show a number to type, where a slider would not reach from the least to the most."""
    value: float = st.number_input(
        control.label,
        control.least,
        control.most,
        control.default,
        control.step,
        format="%g",
        key=control.key,
        help=control.help,
        bind="query-params",
    )
    return value


def titled(head: Head) -> str:
    """Return a head as the page offers it: a mistake says so."""
    return f"{head.title} · a mistake" if head.is_mistake else head.title


def _epoch() -> int:
    """Show play, pause and step with the epoch that they move, and return it."""
    playing: Played | None = st.session_state.get(PLAYED)
    with st.container(horizontal=True):
        st.button(
            "Play" if playing is None else "Pause",
            icon=":material/play_arrow:" if playing is None else ":material/pause:",
            key="play",
            on_click=_play if playing is None else _pause,
        )
        st.button("Step", icon=":material/skip_next:", key="step", on_click=_step)
    columns = st.columns(2)
    with columns[1]:
        state.slider(SPEED)
    with columns[0]:
        if playing is None:
            return int(state.slider(EPOCH))
        # The slider would leave each epoch in the browser's history.
        epoch = int(playing.epoch)
        st.progress(epoch / NUM_EPOCHS, f"Epoch {epoch} of {NUM_EPOCHS}")
        return epoch


def _play() -> None:
    epoch = st.session_state[EPOCH.key]
    st.session_state[PLAYED] = Played(0.0 if epoch == NUM_EPOCHS else epoch, monotonic())


def _play_on() -> None:
    """Go on by the time that has passed, so that a busy machine skips epochs, not seconds."""
    playing, now = st.session_state[PLAYED], monotonic()
    passed = min(now - playing.at, LONGEST_TICK_SECONDS)
    speed = st.session_state.get(SPEED.key, SPEED.default)
    st.session_state[PLAYED] = Played(playing.epoch + passed * speed, now)
    if st.session_state[PLAYED].epoch >= NUM_EPOCHS:
        _pause()


def _pause() -> None:
    if PLAYED in st.session_state:
        st.session_state[EPOCH.key] = min(int(st.session_state.pop(PLAYED).epoch), NUM_EPOCHS)


def _step() -> None:
    _pause()
    st.session_state[EPOCH.key] = min(st.session_state[EPOCH.key] + 1, NUM_EPOCHS)


def _show_heads(courses: list[Course], epoch: int, dataset: Dataset) -> None:
    pulls = [pull_frame(each.epochs) for each in courses]
    most = max(float(frame["pull"].max()) for frame in pulls)
    for column, each, pull in zip(st.columns(len(courses)), courses, pulls, strict=True):
        head, said = HEADS[each.config.head], each.at(epoch).val
        with column, st.container(border=True):
            st.header(head.title)
            if head.is_mistake:
                st.badge("a mistake", icon=":material/bug_report:", color="red")
            st.caption(head.meaning)
            st.latex(LATEX[head.name])
            with st.container(horizontal=True):
                st.metric("Loss", written(said.loss, 4), help="Of the validation rows.")
                st.metric("Entropy (bits)", written(said.entropy_bits, 3))
                st.metric("Accuracy", f"{said.accuracy:.1%}")
            if frames.is_planar(dataset):
                cells = frames.boundary(each, epoch, dataset)
                page.figure(
                    boundary_chart(
                        cells,
                        frames.points(each, epoch, dataset, dataset.val),
                        dataset.class_names,
                    ),
                    f"Which class {head.title} takes each place of the plane for",
                    f"boundary of {head.title}",
                    cells,
                )
            st.markdown("**Gradient pull**")
            page.figure(
                pull_course_chart(pull, epoch, most),
                f"How hard the gradient of {head.title} pulls on the true classes and the others",
                f"pull of {head.title}",
                pull,
            )
    num_features = dataset.train.inputs.shape[1]
    st.caption(
        "Each place has the colour of its most probable class, the fuller the surer. The points "
        "are the validation rows; a cross is one that is taken for another class."
        if frames.is_planar(dataset)
        else f"These rows have {num_features} features: there is no plane to draw a boundary in."
    )
    st.markdown(
        f"The gradient pulls the logit of the true class ${{{TRUE} p}}$ up and those of the "
        f"others, ${{{OTHERS} n}}$, down. Under softmax + CCE both pulls are equal, "
        f"${{{TRUE} 1 - s_p}} = {{{OTHERS} \\sum_n s_n}}$: the two lines lie on "
        f"each other. Under BCE each class pulls alone, with ${{{TRUE} 1 - \\sigma(z_p)}}$ and "
        f"${{{OTHERS} \\sigma(z_n)}}$."
    )


def _show_courses(courses: list[Course], epoch: int) -> None:
    history = frames.histories(courses)
    for title, metric, meaning in (
        (
            "Loss",
            "loss",
            "Each head's own, in nats, or for a squared error a squared distance: compare the "
            "shapes, not the heights.",
        ),
        (
            "Predictive entropy",
            "entropy_bits",
            "How unsure the predictions are on average. It starts at all that can be unsure, "
            "log₂ K bits over K classes or one bit a label, and falls while there is something to "
            "learn.",
        ),
    ):
        st.header(title)
        page.figure(
            course_chart(history, metric, epoch),
            f"{title} over the epochs",
            title.lower(),
            history[["run", "split", "epoch", metric]],
        )
        st.caption(meaning)
    said = ", and ".join(
        f"**{each.title}** needs {written(val.cross_entropy_bits, 3)} bits for the truth of a row "
        f"and is {val.accuracy:.1%} right"
        for each in courses
        for val in [each.at(epoch).val]
    )
    st.markdown(f"After epoch {epoch}, on the validation rows, {said}.")


def _show_log(configs: list[TrainConfig]) -> None:
    job: Job | None = st.session_state.get(JOB)
    is_busy = job is not None and not job.future.done()
    st.header("Keep it")
    st.markdown("The same trainings as runs in MLflow, children of one comparison.")
    st.button(
        "Log to MLflow",
        icon=":material/upload:",
        key="log",
        disabled=is_busy,
        on_click=_start_job,
        args=(configs,),
    )
    with st.expander("The same on the command line", icon=":material/terminal:"):
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
        state.refuse("A training broke off; its run is kept as failed.", str(error))
    except OSError as error:
        state.refuse("This can't be kept on disk: make room, or the folder writable.", str(error))
    else:
        st.success(conclusion)
        with st.container(horizontal=True):
            for title, link in links.items():
                st.link_button(title, link, icon=":material/open_in_new:")


def _start_job(configs: list[TrainConfig]) -> None:
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


def show() -> None:
    """Show the page."""
    st.title("Train")
    st.markdown(
        "Two heads on the same rows, from the same seed: what each makes of them, epoch by epoch."
    )
    clock = _clock()
    st.fragment(watch, run_every=clock)(clock)
