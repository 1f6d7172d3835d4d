"""Writes of the catalog, a file a concern: what sources say (``store``), definitions, annotations, identity, catalogs."""
