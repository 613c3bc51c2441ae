"""Prediction files: scores and labels out of CSV, Parquet, NPZ and NPY, in batches.

The only place where they are read. Nothing is unpickled, and no file is read whole.
"""

from experiments.predictions.common import Batch, PredictionsError, Upload, shown
from experiments.predictions.ledger import LedgerFile, as_text
from experiments.predictions.reading import Predictions, read

__all__ = [
    "Batch",
    "LedgerFile",
    "Predictions",
    "PredictionsError",
    "Upload",
    "as_text",
    "read",
    "shown",
]
