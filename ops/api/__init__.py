"""The REST face of what people watch."""
