"""Settings, all from the environment; docs/operations.md lists the variables.

The same code runs on a laptop and in a cluster: only DATABASE_URL, REDIS_URL and MILVUS_URI say where its
servers are. The local stack (`python -m stack`) sets them for what it starts.
"""

from pathlib import Path
from typing import Any, Literal

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config.env import (
    read_bound,
    read_choice,
    read_flag,
    read_folders,
    read_list,
    read_number,
    read_path,
    read_text,
)
from config.rest import REST_FRAMEWORK, SPECTACULAR_SETTINGS  # noqa: F401 - Django and DRF read them here

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = read_path("VITRINE_VAR", BASE_DIR / "var")
MODELS_DIR = read_path("VITRINE_MODELS", VAR_DIR / "models")

DEBUG = False
SECRET_KEY = read_text("SECRET_KEY")
# What was signed or encrypted with these is still read; nothing new is.
SECRET_KEY_FALLBACKS = read_list("SECRET_KEY_FALLBACKS")
ALLOWED_HOSTS = read_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = read_list("CSRF_TRUSTED_ORIGINS")
BEHIND_TLS_PROXY = read_flag("BEHIND_TLS_PROXY")
if BEHIND_TLS_PROXY:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_SSL_REDIRECT = True
    # Asked within the cluster, past the proxy.
    SECURE_REDIRECT_EXEMPT = ["^(livez|readyz|metrics)$"]
    SECURE_HSTS_SECONDS = read_number("HSTS_SECONDS", 365 * 24 * 60 * 60)
    SECURE_HSTS_INCLUDE_SUBDOMAINS = read_flag("HSTS_SUBDOMAINS", default=True)
    # Lists in browsers take years to leave; only who has the domain can want that.
    SECURE_HSTS_PRELOAD = read_flag("HSTS_PRELOAD")
    SILENCED_SYSTEM_CHECKS = ["security.W021"]  # it would have every deployment preloaded
SECURE_CONTENT_TYPE_NOSNIFF = True
# Addresses of invitations and of photos are secrets: no other site is told of them.
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
INSTALLED_APPS = [
    # Before those whose templates it replaces.
    "frontend",
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "csp",
    "config",
    "tenants",
    "jobs",
    "retrieval",
    "transfer",
    "webhooks",
    "api",
    "demo",
]
MIDDLEWARE = [
    # These two first, so that what the next refuses or sends elsewhere has an id and a policy, too.
    "api.middleware.RequestIdMiddleware",
    "csp.middleware.CSPMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    # None of the following reads the session before somebody asks for it, and no call of the API does.
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "api.middleware.BodyLimitMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "frontend.middleware.AwayMiddleware",
]
APPEND_SLASH = False
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]

# --- the three servers ---


def _parse_database(name: str, url: str) -> dict[str, Any]:
    try:
        return {**dj_database_url.parse(url, engine="tenants.postgresql")}
    except ValueError as error:
        raise ImproperlyConfigured(f"{name} cannot be read: {error}") from error


def _read_database() -> dict[str, Any]:
    """The database as the role that serves; `OWNER` is who migrates it (tenants.postgresql.roles)."""
    database = _parse_database("DATABASE_URL", read_text("DATABASE_URL", "postgresql:///"))
    owner_url = read_text("DATABASE_OWNER_URL")
    owner = _parse_database("DATABASE_OWNER_URL", owner_url) if owner_url else None
    if owner and owner["NAME"] != database["NAME"]:
        raise ImproperlyConfigured("DATABASE_OWNER_URL must name the database of DATABASE_URL.")
    # A pool, since Celery closes a task's connections, and a new one costs more than a task's queries.
    size = read_number("DATABASE_CONNECTIONS", 20)
    pool = {"min_size": 1, "max_size": size, "timeout": 5}
    return {
        **database,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": {**database.get("OPTIONS", {}), "pool": pool},
        "APPLICATION": {name: database[name] for name in ("USER", "PASSWORD")},
        "OWNER": owner,
    }


DATABASES = {"default": _read_database()}
REDIS_URL = read_text("REDIS_URL", "redis://localhost:6379/0")
MILVUS_URI = read_text("MILVUS_URI", "http://localhost:19530")
MILVUS_TOKEN = read_text("MILVUS_TOKEN")
MILVUS_PREFIX = read_text("MILVUS_PREFIX")

# --- work handed to workers ---

CELERY_BROKER_URL = REDIS_URL
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "bulk"
CELERY_TASK_ROUTES = {f"{queue}.*": {"queue": queue} for queue in ("recognize", "bulk", "webhooks")}
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Longer than any task: tasks hand on after INDEX_SLICE_MAX_S. The sweeper does not wait for it.
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 600,
    "socket_connect_timeout": 2,
    "socket_timeout": 5,
    "max_retries": 1,
}
CELERY_TASK_PUBLISH_RETRY = False
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_WORKER_REDIRECT_STDOUTS = False
CELERY_TIMEZONE = "UTC"
RECOGNIZE_TIMEOUT_S = read_number("RECOGNIZE_TIMEOUT_S", 10)
RECOGNIZE_QUEUE_LIMIT = read_number("RECOGNIZE_QUEUE_LIMIT", 32)
# Beyond it a call is refused at once, so that those that are taken get their answers soon.
RECOGNIZE_WAIT_MS = read_number("RECOGNIZE_WAIT_MS", 1000)
INDEX_SLICE_S = read_number("INDEX_SLICE_S", 10)
INDEX_SLICE_MAX_S = read_number("INDEX_SLICE_MAX_S", 60)
INDEX_BATCH = read_number("INDEX_BATCH", 16)
# Each index is compared with PostgreSQL so often; one that a search finds missing, at once.
RECONCILE_EVERY_S = read_number("RECONCILE_EVERY_S", 300)

# --- models ---

INFERENCE_PROVIDER: Literal["openvino", "cpu"] = read_choice(
    "INFERENCE_PROVIDER", "openvino", ("openvino", "cpu")
)
INFERENCE_PRECISION: Literal["auto", "f32", "bf16"] = read_choice(
    "INFERENCE_PRECISION", "auto", ("auto", "f32", "bf16")
)
# Who waits for one photo wants latency; who has many, throughput.
INFERENCE_HINT: Literal["latency", "throughput"] = read_choice(
    "INFERENCE_HINT", "latency", ("latency", "throughput")
)
DETECTOR = read_text("DETECTOR")
EMBEDDER = read_text("EMBEDDER")

# --- what a shop may have and do, where nothing else is said of it (`manage.py setquota`) ---

QUOTA_GALLERIES = read_bound("QUOTA_GALLERIES")
QUOTA_PRODUCTS = read_bound("QUOTA_PRODUCTS")
QUOTA_IMAGES = read_bound("QUOTA_IMAGES")
QUOTA_BYTES = read_bound("QUOTA_BYTES")
QUOTA_RECOGNITIONS_A_MONTH = read_bound("QUOTA_RECOGNITIONS_A_MONTH")
QUOTA_CALLS_A_MINUTE = read_bound("QUOTA_CALLS_A_MINUTE", 6000)
QUOTA_RECOGNITIONS_AT_ONCE = read_bound("QUOTA_RECOGNITIONS_AT_ONCE")
# One key leaves the shop's others something.
RATE_LIMIT_KEY_PERCENT = read_number("RATE_LIMIT_KEY_PERCENT", 50)
# So many seconds' worth of calls may come at once.
RATE_LIMIT_BURST_S = read_number("RATE_LIMIT_BURST_S", 60)

# --- photos ---

MAX_IMAGE_BYTES = read_number("MAX_IMAGE_BYTES", 20 * 2**20)
# A photo that takes its decoder longer or more memory is refused (inference.decoders).
DECODE_TIMEOUT_S = read_number("DECODE_TIMEOUT_S", 8)
DECODE_MEMORY_MIB = read_number("DECODE_MEMORY_MIB", 1280)
DECODE_PROCESSES = read_number("DECODE_PROCESSES", 4)
MAX_BODY_BYTES = read_number("MAX_BODY_BYTES", 200 * 2**20)
MAX_IMAGES_PER_REQUEST = read_number("MAX_IMAGES_PER_REQUEST", 100)
# A JSON body is held in memory whole; a photo in base64 is a third longer than its bytes.
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_IMAGE_BYTES * 4 // 3 + 2**16
DATA_UPLOAD_MAX_NUMBER_FILES = MAX_IMAGES_PER_REQUEST
# A catalogue comes in chunks, each held in memory while it is stored; kept for so long after its last use.
UPLOAD_MAX_BYTES = read_number("UPLOAD_MAX_BYTES", 20 * 2**30)
UPLOAD_CHUNK_BYTES = read_number("UPLOAD_CHUNK_BYTES", 16 * 2**20)
UPLOAD_KEEP_DAYS = read_number("UPLOAD_KEEP_DAYS", 7)
# An archive that makes more of itself is refused (transfer.sources.archives).
IMPORT_MAX_ENTRIES = read_number("IMPORT_MAX_ENTRIES", 200_000)
IMPORT_MAX_BYTES = read_number("IMPORT_MAX_BYTES", 50 * 2**30)
# Recognitions are written down, without their photos where the shop has not asked to keep those.
QUERY_LOG_DAYS = read_number("QUERY_LOG_DAYS", 90)
MEDIA_ROOT = read_path("MEDIA_ROOT", VAR_DIR / "media")
MEDIA_BUCKET = read_text("MEDIA_BUCKET")
# So long the address of a photo, which needs no key, is good.
MEDIA_URL_S = read_number("MEDIA_URL_S", 3600)
_S3_OPTIONS: dict[str, Any] = {
    "endpoint_url": read_text("MEDIA_ENDPOINT_URL") or None,
    "access_key": read_text("MEDIA_ACCESS_KEY") or None,
    "secret_key": read_text("MEDIA_SECRET_KEY") or None,
    "region_name": read_text("MEDIA_REGION") or None,
    "file_overwrite": False,
}


def _describe_bucket(name: str) -> dict[str, Any]:
    return {"BACKEND": "storages.backends.s3.S3Storage", "OPTIONS": {"bucket_name": name, **_S3_OPTIONS}}


STORAGES = {
    "default": (
        _describe_bucket(MEDIA_BUCKET)
        if MEDIA_BUCKET
        else {"BACKEND": "django.core.files.storage.FileSystemStorage"}
    ),
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True

# --- what imports may read besides uploads; nothing, unless the operator says so ---

# Each tenant reads the folder that is named after its slug, in each of these and in the bucket.
IMPORT_ROOTS = read_folders("IMPORT_ROOTS")
IMPORT_BUCKET = read_text("IMPORT_BUCKET")
IMPORT_BUCKET_PREFIX = read_text("IMPORT_BUCKET_PREFIX").strip("/")
if IMPORT_BUCKET:
    if IMPORT_BUCKET == MEDIA_BUCKET:
        raise ImproperlyConfigured("IMPORT_BUCKET must be another bucket than MEDIA_BUCKET.")
    STORAGES["imports"] = _describe_bucket(IMPORT_BUCKET)
IMPORT_URLS: Literal["off", "https", "http"] = read_choice("IMPORT_URLS", "off", ("off", "https", "http"))
IMPORT_URL_TIMEOUT_S = read_number("IMPORT_URL_TIMEOUT_S", 10)
IMPORT_PRIVATE_ADDRESSES = read_flag("IMPORT_PRIVATE_ADDRESSES")
# Trusted beside the public authorities, for servers that tenants name.
OUTBOUND_CA_BUNDLE = read_text("OUTBOUND_CA_BUNDLE")
if OUTBOUND_CA_BUNDLE and not Path(OUTBOUND_CA_BUNDLE).is_file():
    raise ImproperlyConfigured(f"OUTBOUND_CA_BUNDLE: there is no file {OUTBOUND_CA_BUNDLE}.")

# --- webhooks ---

# Both open what a shop could otherwise not reach through us: for intranets only.
WEBHOOK_HTTP = read_flag("WEBHOOK_HTTP")
WEBHOOK_PRIVATE_ADDRESSES = read_flag("WEBHOOK_PRIVATE_ADDRESSES")
WEBHOOK_TIMEOUT_S = read_number("WEBHOOK_TIMEOUT_S", 10)
WEBHOOK_DISABLE_AFTER_DAYS = read_number("WEBHOOK_DISABLE_AFTER_DAYS", 5)
WEBHOOK_KEEP_DAYS = read_number("WEBHOOK_KEEP_DAYS", 30)

# --- mail ---

# Where people reach this service; links in mails begin with it.
PUBLIC_URL = read_text("PUBLIC_URL", "http://localhost:8000").rstrip("/")
EMAIL_HOST = read_text("EMAIL_HOST")
EMAIL_SECURITY: Literal["starttls", "tls", "none"] = read_choice(
    "EMAIL_SECURITY", "starttls", ("starttls", "tls", "none")
)
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_SECURITY == "starttls", EMAIL_SECURITY == "tls"
EMAIL_PORT = read_number("EMAIL_PORT", 587)
EMAIL_HOST_USER = read_text("EMAIL_USER")
EMAIL_HOST_PASSWORD = read_text("EMAIL_PASSWORD")
EMAIL_TIMEOUT = read_number("EMAIL_TIMEOUT_S", 10)
DEFAULT_FROM_EMAIL = SERVER_EMAIL = read_text("EMAIL_FROM", "Vitrine <vitrine@localhost>")
# Without a mail server each mail is a file, for the local stack; `manage.py check --deploy` warns of it.
EMAIL_FILE_PATH = str(VAR_DIR / "mail")
EMAIL_BACKEND = f"django.core.mail.backends.{'smtp' if EMAIL_HOST else 'filebased'}.EmailBackend"

# --- people ---

# Counts what was tried, so it holds across processes. Its keys name people and addresses: they are hidden.
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_FUNCTION": "config.cache_keys.hide_key",
        "OPTIONS": {"socket_connect_timeout": 2, "socket_timeout": 3},
    }
}
# In PostgreSQL, so that a Valkey that is lost signs nobody out, and a session that is ended stays so.
SESSION_ENGINE = "django.contrib.sessions.backends.db"
SESSION_COOKIE_AGE = read_number("SESSION_DAYS", 14) * 24 * 60 * 60
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "vitrine_session", "vitrine_csrf"
if BEHIND_TLS_PROXY:
    # A browser takes a cookie of such a name from this very host alone, and over TLS.
    SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = "__Host-vitrine_session", "__Host-vitrine_csrf"
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
CSRF_FAILURE_VIEW = "frontend.errors.show_forged"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"
X_FRAME_OPTIONS = "DENY"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        # Pictures within pages: the QR code of an authenticator app, and the icons of the API's docs.
        "img-src": ["'self'", "data:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}", "OPTIONS": options}
    for name, options in (
        ("MinimumLengthValidator", {"min_length": 12}),
        ("CommonPasswordValidator", {}),
        ("NumericPasswordValidator", {}),
        ("UserAttributeSimilarityValidator", {"user_attributes": ["email"]}),
    )
]
PASSWORD_RESET_TIMEOUT = 60 * 60
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "home"
LOGOUT_REDIRECT_URL = ACCOUNT_LOGOUT_REDIRECT_URL = "account_login"
ACCOUNT_ADAPTER = "frontend.accounts.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_DISPLAY = "frontend.accounts.name_person"
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_EMAIL_NOTIFICATIONS = True
ACCOUNT_CHANGE_EMAIL = True
ACCOUNT_REAUTHENTICATION_REQUIRED = True
# Five for an account, from wherever; more for an address, behind which a whole office may sit.
ACCOUNT_RATE_LIMITS = {"login_failed": "20/5m/ip,5/5m/key"}
MFA_ADAPTER = "frontend.accounts.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Vitrine"
# A code of the period before is taken, too: clocks differ, and people type.
MFA_TOTP_TOLERANCE = 1

# --- the rest ---

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LOGGED_REFUSALS = ("DisallowedHost", "RequestDataTooBig", "TooManyFieldsSent", "TooManyFilesSent")
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {
        "request": {"()": "config.log.RequestIdFilter"},
        "refusal": {"()": "config.log.RefusalFilter"},
    },
    "formatters": {
        "line": {"format": "%(asctime)s %(levelname)s %(name)s [%(request_id)s] %(message)s"},
    },
    "handlers": {
        "stderr": {"class": "logging.StreamHandler", "formatter": "line", "filters": ["request"]},
    },
    "root": {"handlers": ["stderr"], "level": read_text("LOG_LEVEL", "INFO")},
    "loggers": {
        # Refused requests are answered with a problem that says why; they are no news for the operator.
        "django.request": {"level": "ERROR"},
        # Anybody can have these written, as often as they like.
        **{f"django.security.{name}": {"filters": ["refusal"]} for name in LOGGED_REFUSALS},
        # A task's end is logged with its time; that it was received says nothing more.
        "celery.worker.strategy": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "pymilvus": {"level": "ERROR"},
    },
}
