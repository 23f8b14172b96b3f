FROM python:3.11-slim-trixie AS pages

RUN apt-get update && apt-get install --yes --no-install-recommends make
WORKDIR /build
COPY Makefile .
COPY requirements/node.txt requirements/
COPY explorer explorer
RUN make explorer
COPY schema/schema.graphql schema/
COPY dashboard dashboard
RUN make dashboard


FROM python:3.11-slim-trixie AS build

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /build

# Dependencies come first, so that a change of the code installs none of them anew.
COPY requirements requirements
RUN pip install --require-hashes --requirement requirements/build.txt \
    && python -m venv --without-pip /opt/canopy \
    && pip --python /opt/canopy/bin/python install --require-hashes --requirement requirements/run.txt

COPY . .
COPY --from=pages /build/app/dashboard app/dashboard
COPY --from=pages /build/app/explorer app/explorer
RUN python -m hatchling build --target wheel --directory dist \
    && pip --python /opt/canopy/bin/python install --no-index --no-deps dist/*.whl \
    && pip --python /opt/canopy/bin/python check


FROM python:3.11-slim-trixie

# Where the settings name no database, it is SQLite in var/: mount a volume there to keep it.
RUN useradd --uid 10001 --home-dir /srv/canopy --create-home --shell /usr/sbin/nologin canopy \
    && install --directory --owner=canopy --group=canopy /srv/canopy/var
COPY --from=build /opt/canopy /opt/canopy

ENV PATH=/opt/canopy/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /srv/canopy
USER 10001
EXPOSE 8000

HEALTHCHECK --interval=10s --timeout=3s --start-period=15s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/health/live', timeout=2)"]

CMD ["canopy", "serve", "--host", "0.0.0.0"]
