"""Bookings that survive a crash: what was asked for, kept until its outcome is known."""
