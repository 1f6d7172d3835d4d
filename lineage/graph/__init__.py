"""Graph stores: adapters of one port, named in settings."""
