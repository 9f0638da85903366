"""What both sandboxes are built on."""
