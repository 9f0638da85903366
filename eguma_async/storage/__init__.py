"""What is kept on a disk: one thread that writes, files of SQLite, and what they need."""
