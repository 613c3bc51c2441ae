"""Activations, losses, gradients and entropies, in plain NumPy.

Nothing here does I/O, and nothing imports more than NumPy and the standard library.
"""
