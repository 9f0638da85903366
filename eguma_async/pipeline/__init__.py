"""The way a call takes: encode, retry, observe, authenticate, limit, send, decode."""
