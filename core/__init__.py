"""Activations, losses, gradients and entropies, in plain NumPy.

Nothing here does I/O, and nothing imports more than NumPy and the standard library.
"""

from core._threads import get_num_threads, set_num_threads

__all__ = ["get_num_threads", "set_num_threads"]
