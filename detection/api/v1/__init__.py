"""Detection in our own REST."""
