"""Ready-made observers, each in a module of its own, which is imported by whoever uses it."""
