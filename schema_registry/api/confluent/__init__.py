"""Confluent's door: its clients and serializers work unchanged."""
