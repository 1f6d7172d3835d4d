"""The doors of the registry: Confluent's for clients and serializers, our own REST."""
