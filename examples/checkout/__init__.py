"""A checkout service: it holds places, takes the payment, and books, each of them once."""
