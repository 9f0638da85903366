"""The stores of replicas: one file a backend."""
