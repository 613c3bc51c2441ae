"""What a run says of its making: the program, its commit, the versions."""

from __future__ import annotations

import platform
import sys
from functools import lru_cache
from pathlib import Path

from experiments.tracking import store


@lru_cache(maxsize=1)
def source() -> dict[str, str]:
    """Return, as tags, the program that makes runs, its commit and who runs it."""
    from mlflow.tracking.context.registry import resolve_tags
    from mlflow.utils.git_utils import get_git_commit

    tags: dict[str, str] = resolve_tags()
    program = Path(sys.argv[0]).resolve()
    if program == Path(__file__).parents[1] / "__main__.py":
        tags["mlflow.source.name"] = "experiments"
    is_notebook = program.stem.startswith("ipykernel")
    is_script = program.suffix == ".py" and "site-packages" not in program.parts
    # Streamlit, Dask and the like run the lab.
    commit = None if is_script or is_notebook else get_git_commit(str(store.ROOT))
    if commit:
        tags["mlflow.source.git.commit"] = commit
    return tags


@lru_cache(maxsize=1)
def versions() -> dict[str, str]:
    """Return, as tags, the versions that a run is made with."""
    from importlib.metadata import version

    tags = {f"version.{name}": version(name) for name in ("cross-entropy-lab", "numpy", "mlflow")}
    tags["version.python"] = platform.python_version()
    return tags
