"""Which of the ways that the documentation leaves open a server takes."""
