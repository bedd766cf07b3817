# syntax=docker/dockerfile:1
# Two stages: the first installs what requirements.lock names, by hash, and this package; the second only runs it.
FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
RUN python -m venv /opt/fotapool
WORKDIR /src
COPY requirements.lock .
RUN /opt/fotapool/bin/pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml README.md LICENSE ./
COPY src src
RUN /opt/fotapool/bin/pip install --no-deps .

FROM python:3.11-slim
RUN useradd --uid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin fotapool \
    && install --directory --owner fotapool --group fotapool /data
COPY --from=build /opt/fotapool /opt/fotapool
ENV PATH=/opt/fotapool/bin:$PATH PYTHONUNBUFFERED=1 FOTAPOOL_HOST=0.0.0.0
USER 10001
WORKDIR /data
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=5s --timeout=3s --start-period=20s --retries=3 \
    CMD ["python", "-c", "from http.client import HTTPConnection as C; c = C('127.0.0.1', 8080, timeout=2); c.request('GET', '/health/ready'); raise SystemExit(c.getresponse().status != 200)"]
ENTRYPOINT ["fotapool"]
CMD ["emulate"]
