"""The live book: the course as pages, from what the notebooks have stored."""
