# Two stages: the first builds the wheel and installs it with its locked dependencies, the second only runs it.

FROM python:3.11-slim AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
COPY requirements.lock requirements-dev.lock ./
RUN python -m venv /opt/reelbot \
 && /opt/reelbot/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements.lock
# The builder (hatchling) is pinned among the development dependencies.
RUN python -m venv /opt/build \
 && /opt/build/bin/pip install --quiet --require-hashes --only-binary :all: -r requirements-dev.lock
COPY pyproject.toml README.md ./
COPY core core
COPY storage storage
COPY adapters adapters
COPY bot bot
RUN /opt/build/bin/hatchling build -t wheel -d /dist \
 && /opt/reelbot/bin/pip install --quiet --no-deps --no-index /dist/*.whl

FROM python:3.11-slim
RUN useradd --system --uid 10001 --user-group --no-create-home --home-dir /data reelbot \
 && install -d -o reelbot -g reelbot /data /media
COPY --from=build /opt/reelbot /opt/reelbot
ENV PATH=/opt/reelbot/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    DATA_DIR=/data \
    HTTP_HOST=0.0.0.0 \
    HTTP_PORT=8080 \
    LOG_FORMAT=json \
    MALLOC_ARENA_MAX=2
USER reelbot
WORKDIR /data
VOLUME /data /media
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as u; u.urlopen('http://127.0.0.1:' + os.environ['HTTP_PORT'] + '/healthz', timeout=4)"]
ENTRYPOINT ["reelbot"]
CMD ["run"]
