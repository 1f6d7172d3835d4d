"""Rules of lineage without I/O: events, SQL, timelines of edges, walks."""
