"""Prediction files: scores and labels out of CSV, Parquet, NPZ and NPY, in batches.

The only place where they are read. Nothing is unpickled, and no file is read whole.
"""

from experiments.predictions.common import Batch, PredictionsError, Upload
from experiments.predictions.reading import Predictions, read

__all__ = ["Batch", "Predictions", "PredictionsError", "Upload", "read"]
