"""The REST face of what people watch: figures over all bots."""
