"""e-guma: sessions, products, availabilities, reservations, bookings, orders, tickets."""
