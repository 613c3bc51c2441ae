"""Arrays of core → tidy frames for the pages, a file for each page."""
