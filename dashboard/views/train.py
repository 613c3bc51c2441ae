"""Two heads on the same data, epoch by epoch."""

from __future__ import annotations

import streamlit as st

from core.heads import HEADS, Head, heads_for
from core.words import counted
from dashboard import lesson, links, page, state
from dashboard.charts.train import HEAD_COLOURS, boundary_chart, course_chart
from dashboard.frames import train as frames
from dashboard.frames.common import written
from dashboard.frames.train import NUM_EPOCHS, Course
from dashboard.views import keep, play
from experiments.config import TrainConfig
from experiments.datasets import DATASETS, Dataset, load

SUMMARY = "Train two heads side by side, epoch by epoch, and log them to MLflow."

# Those of the plane first: there a boundary can be seen.
SAMPLES = tuple(dict.fromkeys(("spirals", "blobs", "moons", *DATASETS)))
SAMPLE = state.Choice("data", "Data set", "Spirals, blobs and moons are points in a plane.")
FIRST = state.Choice(
    "first", "First head", "A head is an activation with its loss; these fit the data set's task."
)
SECOND = state.Choice("second", "Second head", "The head to compare the first one with.")
HIDDEN = state.Slider(
    "hidden", "Hidden units", 32, 0, 64, 4, "Units of the one hidden layer; 0 is a linear model."
)
RATE = state.Slider("rate", "Learning rate", 0.01, 1e-6, 1e30, 1e-3, "Adam's step size.")
SEED = state.Slider(
    "seed", "Seed", 0, 0, 99, 1, "Decides the split, the first weights and the batches."
)
JOB_SECONDS = 1.0

# The loss of one row, in the colour of its head's curves.
LATEX = {
    "softmax_cce": r"L = \orange{-\log s_p}",
    "ovr_sigmoid_bce": r"L = \blue{-\log \sigma(z_p) - \textstyle\sum_n \log(1 - \sigma(z_n))}",
    "sigmoid_bce": r"L = \blue{-t \log \sigma(z) - (1 - t) \log \sigma(-z)}",
    "multi_label_sigmoid_bce": (
        r"L &= \blue{-\textstyle\sum_p \log \sigma(z_p)} \\[0.3em]"
        r"&\quad \blue{{} - \textstyle\sum_n \log(1 - \sigma(z_n))}"
    ),
    "softmax_twice_cce": r"L = \violet{-\log \mathrm{softmax}(\mathrm{softmax}(z))_p}",
    "sigmoid_cce": r"L = \gray{-\log \mathrm{softmax}(\sigma(z))_p}",
    "softmax_squared_error": r"L = \green{(s_p - 1)^2 + \textstyle\sum_n s_n^2}",
    "sigmoid_squared_error": r"L = \green{(\sigma(z) - t)^2}",
}


@st.cache_resource(max_entries=20, show_spinner=False)
def sample(name: str, seed: int) -> Dataset:
    """Return a data set; nothing writes into it."""
    return load(name, seed)


@st.cache_resource(max_entries=50, show_spinner="Training…")
def course(config: TrainConfig) -> Course:
    """Return a whole training; nothing writes into it."""
    return frames.course(config, sample(config.dataset, config.seed))


def watch(clock: float | None) -> None:
    """Show the controls and what follows from them; called every `clock` seconds, if at all."""
    if play.is_playing() and clock == play.TICK_SECONDS:
        play.play_on()
    if _clock() != clock:
        # Only the whole page can start and stop the clock of a fragment.
        st.rerun()
    with page.controls():
        configs = _configs()
    # In a talk too: to play is what it is there for.
    epoch = play.epoch_shown()
    dataset = sample(configs[0].dataset, configs[0].seed)
    courses = [course(config) for config in configs]
    for each in courses:
        if each.problem:
            epochs = counted(len(each.epochs), "epoch")
            state.refuse(f"{each.title} stopped after {epochs}.", each.problem)
    trained = [each for each in courses if each.epochs]
    if trained:
        _show_heads(trained, epoch, dataset)
        _show_courses(trained, epoch)
    keep.show_log(configs)


def _clock() -> float | None:
    """Return after how many seconds the page has something new to show, if it has."""
    if play.is_playing():
        return play.TICK_SECONDS
    return JOB_SECONDS if keep.is_writing() else None


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


def _typed(control: state.Slider) -> float:
    """Show a number to type, where a slider would not reach from the least to the most."""
    links.keep(control.key, control.default)
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


def _show_heads(courses: list[Course], epoch: int, dataset: Dataset) -> None:
    for column, each in zip(st.columns(len(courses)), courses, strict=True):
        head, said = HEADS[each.config.head], each.at(epoch).val
        with column, st.container(border=True):
            st.header(head.title)
            badge = ":red-badge[:material/bug_report: a mistake] " if head.is_mistake else ""
            st.caption(badge + head.meaning)
            lesson.formula(LATEX[head.name])
            with st.container(horizontal=True):
                st.metric("Loss", written(said.loss, 4), help="On the validation rows.")
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
                    f"The class that {head.title} predicts at each point of the plane",
                    f"boundary of {head.title}",
                    cells,
                )
    num_features = dataset.train.inputs.shape[1]
    st.caption(
        "The background has the colour of the most probable class, stronger where the model is "
        "surer. The points are the validation rows; a cross is one that is predicted wrongly."
        if frames.is_planar(dataset)
        else f"These rows have {num_features} features: a boundary can only be drawn for two."
    )


def _show_courses(courses: list[Course], epoch: int) -> None:
    st.header("Epoch by epoch")
    history = frames.histories(courses)
    page.figure(
        course_chart(
            history, epoch, {each.title: HEAD_COLOURS[each.config.head] for each in courses}
        ),
        "Loss, entropy and gradient pull of both heads over the epochs",
        "epochs",
        history,
    )
    said = ", and ".join(
        f"**{each.title}** has a cross-entropy of {written(val.cross_entropy_bits, 3)} bits per "
        f"row and an accuracy of {val.accuracy:.1%}"
        for each in courses
        for val in [each.at(epoch).val]
    )
    st.markdown(f"After epoch {epoch}, on the validation rows, {said}.")
    lesson.more(
        "- **Loss**: each head's own, in nats, or for a squared error a squared distance: compare "
        "the shapes, not the heights.\n"
        "- **Predictive entropy**: how unsure the predictions are on average. It starts at "
        "its maximum, log₂ K bits for K classes or one bit per label, and falls while there is "
        "something to learn.\n"
        "- **Gradient pull**: how strongly the gradient pulls the logit of the true class $p$ up "
        "and those of the others, $n$, down. Under softmax + CCE both pulls are equal, "
        "$1 - s_p = \\sum_n s_n$, so the two lines coincide. Under BCE each class pulls on its "
        "own, with $1 - \\sigma(z_p)$ and $\\sigma(z_n)$."
    )


def show() -> None:
    """Show the page."""
    st.title("Train")
    st.markdown(
        "A head is an activation with its loss. Two heads learn the same rows from the same seed: "
        "watch what each makes of them, epoch by epoch."
    )
    clock = _clock()
    page.part(watch, run_every=clock)(clock)
