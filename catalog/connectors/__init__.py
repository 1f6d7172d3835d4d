"""Sources that catalogs federate: the port is ``base``, one file an adapter."""
