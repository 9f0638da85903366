"""The formats of exports: one file each."""
