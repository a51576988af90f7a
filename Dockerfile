# One image for all roles; docker-compose.yml says which command each runs.
FROM python:3.11-slim

RUN useradd --create-home --uid 10001 tradebot
RUN install -d -o tradebot /ledger
WORKDIR /app
COPY requirements.txt .
RUN pip install --no-cache-dir --require-hashes -r requirements.txt
COPY . .
RUN SECRET_KEY=build FIELD_KEYS=build DATABASE_URL=postgresql:///none REDIS_URL=redis://none STATIC_ROOT=/app/staticfiles \
    python manage.py collectstatic --no-input
ENV STATIC_ROOT=/app/staticfiles PYTHONUNBUFFERED=1
USER tradebot
CMD ["gunicorn", "tradebot_site.wsgi", "--bind", "0.0.0.0:8000", "--no-control-socket"]
