"""Settings, all from the environment; docs/operations.md lists the variables.

The same code runs on a laptop and in a cluster: only DATABASE_URL, REDIS_URL and MILVUS_URI say where its
servers are. The local stack (`python -m stack`) sets them for what it starts.
"""

from pathlib import Path
from typing import Any, Literal

import dj_database_url
from django.core.exceptions import ImproperlyConfigured

from config.env import read_choice, read_flag, read_folders, read_list, read_number, read_path, read_text

BASE_DIR = Path(__file__).resolve().parents[2]
VAR_DIR = read_path("VITRINE_VAR", BASE_DIR / "var")
MODELS_DIR = read_path("VITRINE_MODELS", VAR_DIR / "models")

DEBUG = False
SECRET_KEY = read_text("SECRET_KEY")
ALLOWED_HOSTS = read_list("ALLOWED_HOSTS", "localhost,127.0.0.1,[::1]")
CSRF_TRUSTED_ORIGINS = read_list("CSRF_TRUSTED_ORIGINS")
if read_flag("BEHIND_TLS_PROXY"):
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.auth",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
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
    "django.middleware.security.SecurityMiddleware",
    "api.middleware.RequestIdMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.common.CommonMiddleware",
    "api.middleware.BodyLimitMiddleware",
]
APPEND_SLASH = False
TEMPLATES = [{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True}]

# --- the three servers ---


def _read_database() -> dict[str, Any]:
    try:
        database: dict[str, Any] = dict(dj_database_url.parse(read_text("DATABASE_URL", "postgresql:///")))
    except ValueError as error:
        raise ImproperlyConfigured(f"DATABASE_URL cannot be read: {error}") from error
    # A pool, since Celery closes a task's connections, and a new one costs more than a task's queries.
    size = read_number("DATABASE_CONNECTIONS", 20)
    pool = {"min_size": 1, "max_size": size, "timeout": 5}
    return {**database, "CONN_HEALTH_CHECKS": True, "OPTIONS": {**database.get("OPTIONS", {}), "pool": pool}}


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

# --- photos ---

MAX_IMAGE_BYTES = read_number("MAX_IMAGE_BYTES", 20 * 2**20)
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
MEDIA_ROOT = read_path("MEDIA_ROOT", VAR_DIR / "media")
MEDIA_BUCKET = read_text("MEDIA_BUCKET")
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

# --- the API ---

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["api.permissions.HasScope"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["api.parsers.JsonParser"],
    "DEFAULT_METADATA_CLASS": None,
    "DEFAULT_PAGINATION_CLASS": "api.pagination.CursorPages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "api.errors.answer_error",
    "UNAUTHENTICATED_USER": None,
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Vitrine",
    "DESCRIPTION": (
        "Name the product in a photograph. Errors are `application/problem+json` with a stable `code`."
    ),
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PUBLIC": True,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "COMPONENT_SPLIT_REQUEST": True,
    "SCHEMA_PATH_PREFIX": "/v1",
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "api.schema.describe_errors"],
    "ENUM_NAME_OVERRIDES": {
        "GalleryStateEnum": "tenants.models.gallery.Gallery.State",
        "ImageStateEnum": "tenants.models.reference_image.ReferenceImage.State",
        "JobStateEnum": "jobs.models.Job.State",
        "JobItemStateEnum": "jobs.models.JobItem.State",
        "WebhookDeliveryStateEnum": "tenants.models.webhook.WebhookDelivery.State",
        "WebhookEventEnum": "api.serializers.webhook.SUBSCRIBABLE",
        "WebhookDeliveryEventEnum": "tenants.models.webhook.WebhookEndpoint.Event",
        "EvaluationSourceEnum": "tenants.models.measurement.Evaluation.Source",
        "RegionSourceEnum": "tenants.models.region.Region.Source",
        # What a query's region can come from: nobody gives its box.
        "QueryRegionSourceEnum": ["detected", "whole"],
    },
}

# --- the rest ---

USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "filters": {"request": {"()": "config.log.RequestIdFilter"}},
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
        # A task's end is logged with its time; that it was received says nothing more.
        "celery.worker.strategy": {"level": "WARNING"},
        "httpx": {"level": "WARNING"},
        "pymilvus": {"level": "ERROR"},
    },
}
