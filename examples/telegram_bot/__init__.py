"""A Telegram bot that shows free slots and books them."""
