"""Our own REST: everything the web can do."""
