"""The doors of lineage: OpenLineage's for producers, our own REST."""
