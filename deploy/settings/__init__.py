"""Settings by way of running: ``embedded`` (the default), ``production``, ``test``."""
