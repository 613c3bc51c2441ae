"""Binary and categorical cross-entropy and what they are compared with, each with its gradient.

Losses take logits, return one value per example (BCE: per element) and never average: the caller
reduces. A gradient is that of each example's own loss with respect to its logits.
"""

from core.losses.comparisons import (
    categorical_focal_loss,
    categorical_focal_loss_grad,
    categorical_focal_loss_value_and_grad,
    focal_loss,
    focal_loss_grad,
    focal_loss_value_and_grad,
    sigmoid_squared_error,
    sigmoid_squared_error_grad,
    sigmoid_squared_error_value_and_grad,
    softmax_squared_error,
    softmax_squared_error_grad,
    softmax_squared_error_value_and_grad,
)
from core.losses.cross_entropy import (
    binary_cross_entropy,
    binary_cross_entropy_grad,
    binary_cross_entropy_value_and_grad,
    categorical_cross_entropy,
    categorical_cross_entropy_grad,
    categorical_cross_entropy_terms,
    categorical_cross_entropy_value_and_grad,
)
from core.losses.targets import (
    label_smoothing_floor,
    optimal_probabilities,
    smoothed_targets,
)

__all__ = [
    "binary_cross_entropy",
    "binary_cross_entropy_grad",
    "binary_cross_entropy_value_and_grad",
    "categorical_cross_entropy",
    "categorical_cross_entropy_grad",
    "categorical_cross_entropy_terms",
    "categorical_cross_entropy_value_and_grad",
    "categorical_focal_loss",
    "categorical_focal_loss_grad",
    "categorical_focal_loss_value_and_grad",
    "focal_loss",
    "focal_loss_grad",
    "focal_loss_value_and_grad",
    "label_smoothing_floor",
    "optimal_probabilities",
    "sigmoid_squared_error",
    "sigmoid_squared_error_grad",
    "sigmoid_squared_error_value_and_grad",
    "smoothed_targets",
    "softmax_squared_error",
    "softmax_squared_error_grad",
    "softmax_squared_error_value_and_grad",
]
