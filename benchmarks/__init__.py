"""Measurements, run by hand with `make bench`: each compares with a floor or a peer in the same run and says CPU per operation."""
