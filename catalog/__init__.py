"""The app that knows which datasets exist, under one name each: federation, business metadata, search."""
