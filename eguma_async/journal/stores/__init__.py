"""Where a journal is kept, one file a backend."""
