"""The registry in our own REST."""
