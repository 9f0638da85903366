"""What people look at: codes of tickets, and pages with them."""
