"""What every gunicorn of ours has in common; it reads this file by itself, from where it is started."""

logger_class = "market.logs.gunicorn_log.GunicornLogger"
