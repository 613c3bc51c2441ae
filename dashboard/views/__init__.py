"""One file per page: `show`, and what its card on Home says."""
