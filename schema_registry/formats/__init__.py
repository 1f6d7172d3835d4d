"""Formats of schemas behind one port; each is named in settings and never imported."""
