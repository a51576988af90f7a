"""Settings, read from the environment. docs/settings.md and the README table explain each one.

Nothing here has a default that is unsafe in production: a secret that is missing stops the start. The
conveniences of the demo come from `ops.stack`, which sets variables, and never from this file.
"""

from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import environ

from market.logs import setup

BASE_DIR = Path(__file__).resolve().parent.parent
env = environ.Env()

# --- secrets -------------------------------------------------------------------------------------------------

SECRET_KEY = env.str("SECRET_KEY")
# Fernet keys for the secrets of accounts and webhooks, newest first; an old one stays until `rotate_keys` has run.
FIELD_KEYS = env.list("FIELD_KEYS")

# --- web -----------------------------------------------------------------------------------------------------

DEBUG = env.bool("DEBUG", default=False)
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["localhost", "127.0.0.1", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
CSRF_FAILURE_VIEW = "tradebot_site.api.errors.csrf_failed"
# On unless the site is served by plain HTTP, as `make up` does on 127.0.0.1.
HTTPS_ONLY = env.bool("HTTPS_ONLY", default=True)
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = HTTPS_ONLY
SECURE_HSTS_SECONDS = 31_536_000 if HTTPS_ONLY else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = HTTPS_ONLY
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
# How many proxies of ours a request has passed: so many addresses from the right of X-Forwarded-For are theirs to tell.
PROXY_COUNT = env.int("PROXY_COUNT", default=1 if BEHIND_PROXY else 0)

INSTALLED_APPS = [
    "unfold",
    "unfold.contrib.filters",
    "unfold.contrib.import_export",  # its pages go before those of the library
    "unfold.contrib.simple_history",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django_celery_beat",
    "django_celery_results",
    "rest_framework",
    "knox",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "import_export",
    "simple_history",
    "django_otp",
    "axes",
    "market",
    "trades",
    "bots",
    "ops",
    "tradebot_site",
]
MIDDLEWARE = [
    "ops.metrics.requests.RequestTimes",
    "tradebot_site.api.middleware.RequestIdMiddleware",
    # Before the rest: a load balancer names no host that we know, and needs no session.
    "ops.health.probes.HealthMiddleware",
    "ops.metrics.door.MetricsDoor",
    "django.middleware.security.SecurityMiddleware",
    "tradebot_site.api.middleware.ApiDoorMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django_otp.middleware.OTPMiddleware",
    "tradebot_site.second_factor.SecondFactorMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "simple_history.middleware.HistoryRequestMiddleware",
    "axes.middleware.AxesMiddleware",
]
ROOT_URLCONF = "tradebot_site.urls"
WSGI_APPLICATION = "tradebot_site.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
] + [{"NAME": "ops.tokens.RevokesTokens"}]
AUTHENTICATION_BACKENDS = ["axes.backends.AxesStandaloneBackend", "django.contrib.auth.backends.ModelBackend"]
# Whether staff need an app on their phone beside the password; `make up` switches it off for its demo.
SECOND_FACTOR_REQUIRED = env.bool("SECOND_FACTOR_REQUIRED", default=True)
# Five wrong passwords for one name from one address lock this pair for 15 minutes. Counted in PostgreSQL, without which
# nobody logs in anyway, so a Redis that is away locks nobody out.
AXES_FAILURE_LIMIT = 5
AXES_COOLOFF_TIME = timedelta(minutes=15)
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_RESET_ON_SUCCESS = True
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False  # or others could keep a user locked out for ever
AXES_USERNAME_CALLABLE = "tradebot_site.lockout.counted_name"
AXES_CLIENT_IP_CALLABLE = "tradebot_site.lockout.client_ip"
AXES_LOCKOUT_CALLABLE = "tradebot_site.lockout.locked_out"
AXES_SENSITIVE_PARAMETERS = ["username", "ip_address", "token"]
AXES_DISABLE_ACCESS_LOG = True
AXES_ENABLE_ADMIN = False  # `tradebot_site.admin` registers them in unfold's clothes
AXES_VERBOSE = False
SIMPLE_HISTORY_REVERT_DISABLED = True
LOGIN_URL = "/admin/login/"
LOGIN_REDIRECT_URL = "/admin/"
STATIC_URL = "static/"
# Where `collectstatic` puts the files; without it they are served from where they lie, as under `make up`.
STATIC_ROOT = env.str("STATIC_ROOT", default="") or None
WHITENOISE_USE_FINDERS = STATIC_ROOT is None

UNFOLD = {
    "SITE_TITLE": "TradeBot",
    "SITE_HEADER": "TradeBot",
    "SITE_SUBHEADER": "a fleet of trading bots",
    "SITE_SYMBOL": "monitoring",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": "tradebot_site.navigation.favicon"}],
    "LOGIN": {"form": "tradebot_site.second_factor.LoginForm"},
    "SITE_URL": None,
    "SHOW_VIEW_ON_SITE": False,
    "STYLES": ["tradebot_site.navigation.stylesheet"],
    "SCRIPTS": ["tradebot_site.navigation.script"],
    "ACCOUNT": {"navigation": "tradebot_site.navigation.own_links"},
    "DASHBOARD_CALLBACK": "tradebot_site.dashboard.dashboard",
    "SIDEBAR": {"show_search": False, "navigation": "tradebot_site.navigation.navigation"},
}

# --- API -----------------------------------------------------------------------------------------------------

# JSON only, for those who are logged in or have a token; everything else is refused unless a view says so.
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tradebot_site.api.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["market.api.access.Access"],
    "DEFAULT_THROTTLE_CLASSES": ["market.api.throttles.CallerThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["market.api.rendering.Renderer"],
    "DEFAULT_PARSER_CLASSES": ["tradebot_site.api.parsing.StrictJSONParser"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "tradebot_site.api.parsing.OnlyJSON",
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_PAGINATION_CLASS": "market.api.paging.CursorPages",
    "DEFAULT_FILTER_BACKENDS": ["market.api.filtering.Filters", "market.api.filtering.Ordering"],
    "DEFAULT_SCHEMA_CLASS": "tradebot_site.api.schema.Schema",
    "EXCEPTION_HANDLER": "tradebot_site.api.errors.answer_error",
}
KNOX_TOKEN_MODEL = "ops.ApiToken"  # noqa: S105 - a name
MIGRATION_MODULES = {"knox": None}  # they would make a table of tokens that nobody uses
SPECTACULAR_SETTINGS = {
    "TITLE": "TradeBot",
    "DESCRIPTION": "Steer your trading bots, and see what they do. Amounts are strings; times are UTC.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SCHEMA_PATH_PREFIX": r"/(api|hooks)(/v1)?",  # names of operations and tags begin behind it
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "tradebot_site.api.sparse.require_no_field",
    ],
    "ENUM_NAME_OVERRIDES": {
        "SwitchScope": ["platform", "user", "account"],
        "BacktestStatus": ["queued", "running", "done", "failed", "canceled"],
        "BotStatus": ["stopped", "pending", "running", "waiting", "paused", "error"],
        "PositionSide": ["long", "short"],
        "TokenScope": ["read", "trade", "admin"],
        "TasksHealth": ["healthy", "unhealthy"],
        "NotificationTopic": "ops.models.notifications.Topic",
        "NotificationSeverity": "ops.models.notifications.Severity",
        "ChannelKind": "ops.models.notifications.Channel.Kind",
        "Side": ["BUY", "SELL"],
        "OrderType": ["market", "limit", "stop", "target"],
        "OrderStatus": [
            "intended",
            "submitted",
            "unknown",
            "open",
            "filled",
            "canceled",
            "expired",
            "rejected",
            "absent",
        ],
        "ReportKind": ["daily", "weekly", "monthly", "yearly"],
        "ReportStatus": ["waiting", "ready", "failed"],
        "StrategyName": "bots.models.bots.strategy_choices",
        "TransferStatus": ["intended", "submitted", "unknown", "done", "rejected", "absent"],
    },
}
# Requests a minute: of one address (of IPv6 64 bits), one user, one token; acts (no reads) of one user; tries of a
# password from one address; what one user lets us ask the exchange, beside what bots do and what is shared anyway.
THROTTLE_ADDRESS = env.int("THROTTLE_ADDRESS", default=3_000)
THROTTLE_USER = env.int("THROTTLE_USER", default=1_200)
THROTTLE_TOKEN = env.int("THROTTLE_TOKEN", default=1_200)
THROTTLE_ACTS = env.int("THROTTLE_ACTS", default=240)
THROTTLE_ASKS = env.int("THROTTLE_ASKS", default=60)
THROTTLE_TELLS = env.int("THROTTLE_TELLS", default=30)  # what one user lets us tell somebody
THROTTLE_TRIALS = env.int("THROTTLE_TRIALS", default=10)  # test messages by which one user tries channels
THROTTLE_LOGIN = env.int("THROTTLE_LOGIN", default=10)
THROTTLE_EVENTS = env.int("THROTTLE_EVENTS", default=600)  # streams that one address tries to open
API_MAX_BYTES = env.int("API_MAX_BYTES", default=262_144)
# The process that tells viewers what happens (`manage.py event_stream`).
EVENT_STREAM_HOST = env.str("EVENT_STREAM_HOST", default="127.0.0.1")
EVENT_STREAM_PORT = env.int("EVENT_STREAM_PORT", default=8001)
# Where it is for clients when no proxy leads /api/v1/events there; {host} is the name by which they ask for the site.
EVENT_STREAM_URL = env.str("EVENT_STREAM_URL", default="")
# Whose pages may listen although the stream is on another port or host.
EVENT_STREAM_ORIGINS = env.list("EVENT_STREAM_ORIGINS", default=CSRF_TRUSTED_ORIGINS)
EVENT_STREAM_VIEWERS = env.int("EVENT_STREAM_VIEWERS", default=2_000)  # of one process
EVENT_STREAM_USER_VIEWERS = env.int("EVENT_STREAM_USER_VIEWERS", default=20)

# --- database ------------------------------------------------------------------------------------------------

DATABASES = {"default": env.db("DATABASE_URL")}
DATABASES["default"] |= {
    "CONN_MAX_AGE": 60,
    "CONN_HEALTH_CHECKS": True,
    "OPTIONS": DATABASES["default"].get("OPTIONS", {})  # of the address: ?sslmode=verify-full
    | {
        # A forgotten transaction or a dead client must not hold a bot's row lock.
        "options": "-c lock_timeout=10s -c statement_timeout=120s -c idle_in_transaction_session_timeout=30s"
        " -c client_connection_check_interval=5s -c timezone=UTC"
        # What a fleet needs is in memory: at the default of 4 (a turning disk) all bots are read to find some of them.
        # And no statement runs for so long that compiling it would pay.
        " -c random_page_cost=1.1 -c jit=off",
        "connect_timeout": 5,
        # Of a machine that vanished nothing is ever heard: without these a connection waits for it for two hours.
        "keepalives_idle": 30,
        "keepalives_interval": 10,
        "keepalives_count": 3,
        "tcp_user_timeout": 60_000,  # milliseconds
        # A statement that is sent a third time is planned once for the connection: half of PostgreSQL's work.
        "server_side_binding": True,
        "prepare_threshold": 3,
    },
}

# --- Redis ---------------------------------------------------------------------------------------------------

REDIS_URL = env.str("REDIS_URL")  # the cache: may be lost at any time
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "OPTIONS": {"SOCKET_TIMEOUT": 3, "SOCKET_CONNECT_TIMEOUT": 3, "IGNORE_EXCEPTIONS": True},
    },
}

# --- Celery --------------------------------------------------------------------------------------------------
# Each line is justified in docs/decisions/0003-celery-settings.md.

CELERY_BROKER_URL = env.str("CELERY_BROKER_URL", default=REDIS_URL)
CELERY_RESULT_BACKEND = "tradebot_site.results:Results"
CELERY_RESULT_EXTENDED = True
CELERY_RESULT_EXPIRES = 3 * 86_400
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_STORE_ERRORS_EVEN_IF_IGNORED = True
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = CELERY_RESULT_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_SOFT_TIME_LIMIT = env.int("CELERY_TASK_SOFT_TIME_LIMIT", default=150)
CELERY_TASK_TIME_LIMIT = env.int("CELERY_TASK_TIME_LIMIT", default=180)
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_DISABLE_PREFETCH = True
CELERY_WORKER_CANCEL_LONG_RUNNING_TASKS_ON_CONNECTION_LOSS = True
CELERY_WORKER_MAX_TASKS_PER_CHILD = 2_000
CELERY_WORKER_MAX_MEMORY_PER_CHILD = 300_000  # kB
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_CONSUMER = "tradebot_site.worker:Consumer"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = None
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,  # longer than the longest hard limit
    "unacked_restore_interval": 10,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 25,
}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 2, "interval_start": 0, "interval_step": 0.2, "interval_max": 0.5}
CELERY_DB_REUSE_MAX = 500
CELERY_BEAT_SCHEDULER = "tradebot_site.beat:Scheduler"
CELERY_BEAT_SYNC_EVERY = 1  # else a beat that is killed sends again what it has sent
CELERY_BEAT_MAX_LOOP_INTERVAL = 2
CELERY_BEAT_CRON_STARTING_DEADLINE = 50

CELERY_TASK_CREATE_MISSING_QUEUES = False  # a typo in a queue's name is an error, not a list nobody reads
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_QUEUES = {
    name: {"exchange": name, "routing_key": name}
    for name in (
        "high_priority",
        "trading",
        "data_sync",
        "payments",
        "notifications",
        "analytics",
        "maintenance",
        "default",
    )
}
CELERY_TASK_ROUTES = {
    "bots.tasks.run_bot": {"queue": "high_priority"},
    "bots.tasks.protect_*": {"queue": "high_priority"},
    "bots.tasks.keep_decisions": {"queue": "maintenance"},
    "bots.tasks.update_market_data": {"queue": "data_sync"},
    "bots.tasks.calculate_indicators": {"queue": "data_sync"},
    "bots.tasks.run_backtest": {"queue": "analytics"},
    "bots.tasks.*": {"queue": "trading"},
    "trades.tasks.transfer_between_wallets": {"queue": "payments"},
    "trades.tasks.reconcile_transfers": {"queue": "payments"},
    "trades.tasks.sync_*": {"queue": "data_sync"},
    "trades.tasks.*": {"queue": "high_priority"},
    "market.tasks.*": {"queue": "data_sync"},
    "ops.tasks.keep_*": {"queue": "maintenance"},
    "ops.tasks.cleanup_*": {"queue": "maintenance"},
    "ops.tasks.database_maintenance": {"queue": "maintenance"},
    "ops.tasks.resume_*": {"queue": "maintenance"},
    "ops.tasks.send_*": {"queue": "notifications"},
    "ops.tasks.distribute_notifications": {"queue": "default"},
    "ops.tasks.system_health_check": {"queue": "default"},  # neither behind backtests nor behind a night's upkeep
    "ops.tasks.*": {"queue": "analytics"},
}

# --- notifications -------------------------------------------------------------------------------------------

# The mail server: smtp://user:password@host:25, smtp+tls://…:587 (STARTTLS), smtp+ssl://…:465. Empty: no e-mail at all.
EMAIL_URL = env.str("EMAIL_URL", default="")
if EMAIL_URL:
    vars().update(env.email_url("EMAIL_URL"))
EMAIL_TIMEOUT = env.int("EMAIL_TIMEOUT", default=10)  # seconds, of each step of the conversation
DEFAULT_FROM_EMAIL = SERVER_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="TradeBot <tradebot@localhost>")
# Where people find the site, for links in what they are sent: https://bots.example.com. Empty: no links.
SITE_URL = env.str("SITE_URL", default="").rstrip("/")
# Receivers of webhooks in our own networks, each as host:port. All others have to be public; TLS is asked of each.
WEBHOOK_INTERNAL_HOSTS = env.list("WEBHOOK_INTERNAL_HOSTS", default=[])
NOTIFICATIONS_KEPT_DAYS = env.int("NOTIFICATIONS_KEPT_DAYS", default=90)

# --- health --------------------------------------------------------------------------------------------------
# What is a warning and what is critical, in this order (features H4).

HEALTH_CPU_PERCENT = env.list("HEALTH_CPU_PERCENT", cast=float, default=[80, 95])
HEALTH_MEMORY_PERCENT = env.list("HEALTH_MEMORY_PERCENT", cast=float, default=[80, 95])
HEALTH_DISK_PERCENT = env.list("HEALTH_DISK_PERCENT", cast=float, default=[80, 95])
HEALTH_LOGS_MEGABYTES = env.list("HEALTH_LOGS_MEGABYTES", cast=float, default=[2_000, 5_000])
HEALTH_BOTS_PERCENT = env.list("HEALTH_BOTS_PERCENT", cast=float, default=[10, 25])
HEALTH_ORDERS_PERCENT = env.list("HEALTH_ORDERS_PERCENT", cast=float, default=[10, 25])
HEALTH_LEAST_FAILURES = env.int("HEALTH_LEAST_FAILURES", default=3)  # of bots or orders: one of two says nothing
HEALTH_QUEUE_SECONDS = env.list("HEALTH_QUEUE_SECONDS", cast=float, default=[60, 300])
HEALTH_SLOW_QUEUE_SECONDS = env.list("HEALTH_SLOW_QUEUE_SECONDS", cast=float, default=[3_600, 14_400])
HEALTH_ERRORS = env.list("HEALTH_ERRORS", cast=float, default=[10, 100])  # tasks that failed within ten minutes
# A file that workers and beat touch while they work, for a container's check: `find FILE -mmin -1`.
HEARTBEAT_FILE = env.str("HEARTBEAT_FILE", default="")
# A worker ends by itself, to be started again, when its loop has not run for so long; when messages and an idle child
# have waited for each other for so long; and it is killed when it has not ended after so long.
WATCHDOG_LOOP_SECONDS = env.float("WATCHDOG_LOOP_SECONDS", default=90.0)
WATCHDOG_DEAF_SECONDS = env.float("WATCHDOG_DEAF_SECONDS", default=60.0)
WATCHDOG_GRACE_SECONDS = env.float("WATCHDOG_GRACE_SECONDS", default=20.0)
HEALTH_REPORTS_KEPT_DAYS = env.int("HEALTH_REPORTS_KEPT_DAYS", default=14)

# --- trading -------------------------------------------------------------------------------------------------

PAPER_URL = env.str("PAPER_URL", default="http://127.0.0.1:8090")
PAPER_ADMIN_TOKEN = env.str("PAPER_ADMIN_TOKEN", default="")  # lets `seed_demo` open accounts
PAPER_LEDGER = env.str("PAPER_LEDGER", default="")  # the paper exchange's own SQLite file, for `audit`
# What is not paper is refused unless this names it: a second wall before other people's money.
ENVIRONMENTS = env.list("ENVIRONMENTS", default=["paper"])
# What is older is archived to ARCHIVE_DIR, and then deleted where nothing is computed from it; 0: kept for ever.
TRADES_KEPT_DAYS = env.int("TRADES_KEPT_DAYS", default=365)
ARCHIVE_DIR = env.str("ARCHIVE_DIR", default="")  # empty: nothing is archived, so nothing of it is deleted
DECISIONS_KEPT_DAYS = env.int("DECISIONS_KEPT_DAYS", default=90)
CHANGES_KEPT_DAYS = env.int("CHANGES_KEPT_DAYS", default=400)  # more than a year: who changed what
ANALYTICS_KEPT_DAYS = env.int("ANALYTICS_KEPT_DAYS", default=90)  # daily snapshots and reports
BACKTESTS_KEPT_DAYS = env.int("BACKTESTS_KEPT_DAYS", default=365)
BACKTEST_SECONDS = env.int("BACKTEST_SECONDS", default=540)  # of one; its task is killed half a minute later
DEAD_LETTERS_KEPT_DAYS = env.int("DEAD_LETTERS_KEPT_DAYS", default=90)
MAX_LEVERAGE = env.int("MAX_LEVERAGE", default=20)
# How far, in percent of its price, the liquidation of a futures entry has to be that has no stop loss.
MIN_LIQUIDATION_DISTANCE_PERCENT = env.str("MIN_LIQUIDATION_DISTANCE_PERCENT", default="10")
# Bounds of the platform for entries, in quote asset; RiskLimits only ever make them stricter.
MAX_ORDER_NOTIONAL = env.str("MAX_ORDER_NOTIONAL", default="100000")
MAX_SYMBOL_EXPOSURE = env.str("MAX_SYMBOL_EXPOSURE", default="500000")  # of one account
MAX_ACCOUNT_EXPOSURE = env.str("MAX_ACCOUNT_EXPOSURE", default="1000000")
MAX_USER_EXPOSURE = env.str("MAX_USER_EXPOSURE", default="2000000")  # of all accounts of one environment
MAX_OPEN_POSITIONS = env.int("MAX_OPEN_POSITIONS", default=1_000)  # of one account
MAX_OPEN_ORDERS = env.int("MAX_OPEN_ORDERS", default=3_000)  # of one account
MAX_ORDERS_PER_MINUTE = env.int("MAX_ORDERS_PER_MINUTE", default=600)  # entries of one account: what Binance takes
MAX_BOT_ORDERS_PER_MINUTE = env.int("MAX_BOT_ORDERS_PER_MINUTE", default=30)
MAX_BOT_ENTRIES_PER_HOUR = env.int("MAX_BOT_ENTRIES_PER_HOUR", default=60)  # beyond it a person has to look
PRICE_COLLAR_PERCENT = env.str("PRICE_COLLAR_PERCENT", default="5")
MAX_SLIPPAGE_PERCENT = env.str("MAX_SLIPPAGE_PERCENT", default="1")
RESTRICTED_SYMBOLS = env.list("RESTRICTED_SYMBOLS", default=[])  # exits only
# What one owner may have. Who sees everybody's rows is not bounded in bots and accounts, nor are commands.
MAX_BOTS_PER_OWNER = env.int("MAX_BOTS_PER_OWNER", default=1_000)
MAX_ACCOUNTS_PER_OWNER = env.int("MAX_ACCOUNTS_PER_OWNER", default=50)
MAX_TOKENS_PER_OWNER = env.int("MAX_TOKENS_PER_OWNER", default=50)
TRANSFERS_ENABLED = env.bool("TRANSFERS_ENABLED", default=False)
# What one transfer between the wallets may move at most, by asset; what is not named is not moved.
MAX_TRANSFER = {name: Decimal(most) for name, most in env.dict("MAX_TRANSFER", default={"USDT": "10000"}).items()}

# --- metrics -------------------------------------------------------------------------------------------------

# Where the processes of one service add up what they count; of its own for each service. Empty: each for itself.
METRICS_DIR = env.str("METRICS_DIR", default="")
# Where processes that serve no pages tell it; 0: nowhere. The site tells it at /metrics.
METRICS_PORT = env.int("METRICS_PORT", default=0)
METRICS_HOST = env.str("METRICS_HOST", default="127.0.0.1")
# Who may read the site's: who shows this token. Empty: only callers on this machine, and through no proxy.
METRICS_TOKEN = env.str("METRICS_TOKEN", default="")

# --- language, time, logs ------------------------------------------------------------------------------------

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
# Each process writes to stdout; docs/logs.md. With LOG_DIR also into files, LOG_FILES of LOG_FILE_MB for each kind.
LOG_LEVEL = env.str("LOG_LEVEL", default=setup.LEVEL)
LOG_FORMAT = env.str("LOG_FORMAT", default=setup.FORMAT)  # json, or console for people
LOG_DIR = env.str("LOG_DIR", default="")
LOG_FILE_MB = env.int("LOG_FILE_MB", default=setup.FILE_MB)
LOG_FILES = env.int("LOG_FILES", default=setup.FILES)
LOGGING = setup.configuration(
    level=LOG_LEVEL, style=LOG_FORMAT, directory=LOG_DIR, file_mb=LOG_FILE_MB, files=LOG_FILES
)
LOGGING["handlers"]["errors"] = {"class": "ops.metrics.errors.CountErrors"}
LOGGING["root"]["handlers"].append("errors")
