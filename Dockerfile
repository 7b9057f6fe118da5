# syntax=docker/dockerfile:1
# One image for every role. Alone it brings its own PostgreSQL and keeps its data in /data; compose.yaml gives it real servers.

FROM python:3.11-slim-bookworm AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/annals
# The dependencies have a layer of their own: it is built anew only when the lock changes.
COPY requirements.lock ./
RUN /opt/annals/bin/pip install -q -r requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY domain domain
COPY commands commands
COPY projections projections
COPY infra infra
COPY api api
RUN /opt/annals/bin/pip install -q --no-deps .

FROM python:3.11-slim-bookworm
RUN useradd --system --uid 10001 --home-dir /data --create-home --shell /usr/sbin/nologin annals
COPY --from=build /opt/annals /opt/annals
ENV PATH=/opt/annals/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    ANNALS_HOST=0.0.0.0 \
    ANNALS_PORT=8080 \
    ANNALS_DATA_DIR=/data
USER annals
WORKDIR /data
VOLUME /data
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=5s --timeout=3s --start-period=30s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen('http://127.0.0.1:' + os.environ['ANNALS_PORT'] + '/healthz', timeout=2)"]
ENTRYPOINT ["annals"]
CMD ["serve"]
