"""Where datasets are found: the port is ``base``, one file an adapter."""
