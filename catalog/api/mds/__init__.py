"""Metacat's REST API, reading side: what its own clients ask, answered in its exact form."""
