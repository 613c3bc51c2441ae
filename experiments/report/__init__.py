"""A diagnosis as text for a terminal, as JSON, and as one HTML file (`experiments.report.page`).

What a user's file calls things is data: it stands in each of them as text.
"""

from experiments.report.figures import Figure, figures_of
from experiments.report.json import to_json
from experiments.report.text import headline, reading, to_text, totals, unbroken

__all__ = [
    "Figure",
    "figures_of",
    "headline",
    "reading",
    "to_json",
    "to_text",
    "totals",
    "unbroken",
]
