"""Errors that a user can fix; the command line and the pages show them as a sentence."""


class UserError(Exception):
    """Says what was expected, what came, and what to do."""
