"""Pictures that a run and a page both hold: tidy frame in, Altair chart out."""
