"""The file that MLflow runs to rebuild a logged classifier: code and arrays, no pickle.

Features come in as they were measured; scaling is part of the model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from mlflow.models import set_model
from mlflow.pyfunc.model import PythonModel, PythonModelContext

from core.heads import HEADS
from experiments import models


class Classifier(PythonModel):
    """A trained classifier, from raw features to class probabilities."""

    def load_context(self, context: PythonModelContext) -> None:
        """Read the arrays that were logged."""
        with np.load(context.artifacts["arrays"], allow_pickle=False) as arrays:
            stored = dict(arrays)
        self.head = HEADS[str(stored.pop("head"))]
        self.class_names = stored.pop("class_names").tolist()
        self.feature_names = stored.pop("feature_names").tolist()
        self.mean = stored.pop("mean")
        self.scale = stored.pop("scale")
        self.params = stored

    def predict(
        self,
        context: PythonModelContext,
        model_input: pd.DataFrame,
        params: dict[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Return one column of probabilities per class."""
        features = model_input[self.feature_names].to_numpy(dtype=np.float64)
        inputs = ((features - self.mean) / self.scale).astype(np.float32)
        logits, _ = models.forward(self.params, inputs)
        probabilities = np.exp(self.head.log_probabilities(logits))
        return pd.DataFrame(probabilities, columns=self.class_names)


set_model(Classifier())
