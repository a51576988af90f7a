"""The REST face of what is watched: figures over all bots."""
