"""Pages: each view parses the request, calls the storey below and renders. No rule lives here."""
