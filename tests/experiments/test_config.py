import pytest

from experiments.config import TrainConfig


def test_a_run_is_named_by_what_it_is() -> None:
    assert TrainConfig("digits", "softmax_cce").run_name == "softmax + CCE · linear · digits"
    assert TrainConfig("digits", "ovr_sigmoid_bce", hidden=8).run_name == (
        "one-vs-rest sigmoid + BCE · hidden 8 · digits"
    )


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({"dataset": "mnist"}, "dataset must be one of digits, breast_cancer, .*; got 'mnist'"),
        ({"head": "tanh"}, "head must be one of softmax_cce, .* got 'tanh'"),
        (
            {"head": "sigmoid_bce"},
            "does not fit digits: it is for binary classes, and this data set has exclusive ones; "
            "heads that fit: softmax_cce",
        ),
        ({"head": "softmax_twice_cce"}, "is a mistake: The loss applies softmax itself"),
        ({"label_smoothing": 1.5}, "label_smoothing must lie between 0 and 1; got 1.5"),
        ({"class_weight": "rare"}, "class_weight must be one of none, balanced; got 'rare'"),
        (
            {"head": "softmax_squared_error", "mistakes": True, "label_smoothing": 0.1},
            "takes neither label_smoothing nor class_weight",
        ),
        ({"seed": 2**32}, "seed must be at most 4294967295; got 4294967296"),
        ({"hidden": -1}, "hidden must be a whole number of at least 0; got -1"),
        ({"num_epochs": 0}, "num_epochs must be .* got 0"),
        ({"batch_size": 1.5}, "batch_size must be .* got 1.5"),
        ({"learning_rate": float("nan")}, "learning_rate must be .* got nan"),
        ({"learning_rate": 0.0}, "learning_rate must be .* got 0"),
    ],
)
def test_bad_configs_are_refused(arguments, says) -> None:
    with pytest.raises(ValueError, match=says):
        TrainConfig(**{"dataset": "digits", "head": "softmax_cce", **arguments})


def test_a_mistake_is_let_through_where_it_is_meant() -> None:
    assert TrainConfig("digits", "softmax_twice_cce", mistakes=True).run_name.startswith("softmax")
