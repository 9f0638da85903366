"""Sandboxes over HTTP: the server and its control plane."""
