"""The REST face of accounts and market data, and what the API of every app is made of."""
