"""What happens to bots, told to whoever watches: server-sent events of one process for many viewers.

service    the process: HTTP, heartbeats, its end
door       who may come in: Django answers, as it would any request
hub        looks once a second for all viewers, and tells each what is theirs
standing   whether those who are in may stay: all of them in one statement
reading    what has changed since a mark
marks      how far a viewer has got: what Last-Event-ID says
Why it is built so: docs/live.md.
"""
