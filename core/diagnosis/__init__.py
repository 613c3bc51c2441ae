"""What is wrong with the outputs of a classifier: scores and labels in, evidence out.

A `Summary` takes batches in any order, is merged with others, and holds a few hundred kilobytes
whatever the number of rows. `diagnose` makes figures and evidence of it. Nothing here reads or
writes a file.
"""

from core.diagnosis.blocks import Kind
from core.diagnosis.compare import Comparison, compare
from core.diagnosis.diagnose import AFTER_TEMPERATURE, diagnose
from core.diagnosis.floors import explain_plateau, loss_floors
from core.diagnosis.records import (
    Bits,
    Budget,
    Calibration,
    Concentration,
    Diagnosis,
    Elsewhere,
    Evidence,
    Pairing,
    Precision,
    Scores,
    Severity,
    Temperature,
)
from core.diagnosis.spread import LossHistogram, loss_histogram, margin_of_loss
from core.diagnosis.summary import Loss, Summary
from core.diagnosis.tally import Ledger

__all__ = [
    "AFTER_TEMPERATURE",
    "Bits",
    "Budget",
    "Calibration",
    "Comparison",
    "Concentration",
    "Diagnosis",
    "Elsewhere",
    "Evidence",
    "Kind",
    "Ledger",
    "Loss",
    "LossHistogram",
    "Pairing",
    "Precision",
    "Scores",
    "Severity",
    "Summary",
    "Temperature",
    "compare",
    "diagnose",
    "explain_plateau",
    "loss_floors",
    "loss_histogram",
    "margin_of_loss",
]
