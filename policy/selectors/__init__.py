"""Reads of policy, a file for each subject. What hangs on a dataset is told to those who may read it."""
