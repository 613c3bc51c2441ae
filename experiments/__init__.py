"""Training runs and entropy curves, logged to MLflow: `python -m experiments`."""
