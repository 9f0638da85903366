"""Small programs to start from: a checkout service, a fan-out to Parquet, a Telegram bot."""
