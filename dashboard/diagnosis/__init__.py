"""The parts of the page Diagnose: whose outputs, and what is shown of them."""
