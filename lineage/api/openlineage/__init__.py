"""OpenLineage's door: events as unmodified clients send them."""
