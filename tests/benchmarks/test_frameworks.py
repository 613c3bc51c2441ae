"""The tracker in loops of PyTorch and JAX; `make bench` runs it, whose environment has them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from core.losses import categorical_cross_entropy
from experiments import datasets, tracking


def test_a_pytorch_loop_logs_what_core_says_of_it() -> None:
    import torch
    import torch.nn.functional as F  # noqa: N812

    torch.manual_seed(0)
    data = datasets.load("iris", 0)
    x, y = torch.from_numpy(data.train.inputs), torch.from_numpy(data.train.labels)
    model = torch.nn.Sequential(torch.nn.Linear(4, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    losses = []
    with tracking.track("torch loop", {"optimizer": "adam"}) as run:
        for epoch in range(5):
            logits = model(x)
            loss = F.cross_entropy(logits, y)
            losses.append(loss.item())
            # In the graph, as it is.
            run.log_predictions(logits, y, step=epoch, split="train")
            run.log_predictions(logits.to(torch.bfloat16), y, step=epoch, split="low")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    client = tracking.connect()
    history = client.get_metric_history(run.run_id, "train/loss")
    assert [point.value for point in history] == pytest.approx(losses, rel=1e-5)
    assert losses[-1] < losses[0]
    low = client.get_metric_history(run.run_id, "low/loss")
    assert [point.value for point in low] == pytest.approx(losses, rel=1e-2)
    found = client.get_run(run.run_id)
    assert found.info.status == "FINISHED"
    assert found.data.metrics["train/cross_entropy_bits"] == pytest.approx(
        losses[-1] / math.log(2), rel=1e-5
    )


def test_a_jax_loop_logs_what_core_says_of_it() -> None:
    import jax
    import jax.numpy as jnp

    data = datasets.load("iris", 0)
    x, y = jnp.asarray(data.train.inputs), jnp.asarray(data.train.labels)
    weights = jnp.zeros((4, 3))

    def loss(weights: jax.Array) -> jax.Array:
        log_s = jax.nn.log_softmax(x @ weights)
        return -jnp.take_along_axis(log_s, y[:, None], axis=1).mean()

    with tracking.track("jax loop") as run:
        for epoch in range(3):
            run.log_predictions(x @ weights, y, step=epoch)
            run.log_predictions((x @ weights).astype(jnp.bfloat16), y, step=epoch, split="low")
            weights -= 0.5 * jax.grad(loss)(weights)
    history = tracking.connect().get_metric_history(run.run_id, "val/loss")
    assert history[0].value == pytest.approx(math.log(3), rel=1e-6)
    assert [point.step for point in history] == [0, 1, 2]
    logits = np.asarray(x @ weights)
    assert history[2].value > categorical_cross_entropy(logits, data.train.labels).mean()
