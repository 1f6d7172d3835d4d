"""Writes of lineage, a file a concern: events as they come (``receiving``), what they show (``applying``), views, edges."""
