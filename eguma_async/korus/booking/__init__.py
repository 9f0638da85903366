"""The half of the API that sells: reservations, orders, their tickets and documents."""
