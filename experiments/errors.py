"""What a user can mend, and the command line and the pages say in a sentence."""


class UserError(Exception):
    """Says what was expected, what came, and what to do."""
