"""Policy in our own REST."""
