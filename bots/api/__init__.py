"""The REST face of the bots."""
