"""Pictures that a page alone shows: tidy frame in, Altair chart out."""
