# settle and everything that it runs on, by hash. Its only command is settle; what it runs without a
# word more is the worker.
FROM python:3.12-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

WORKDIR /src
# First what changes seldom. The list is that of make setup, with the tests' tools: one lock.
COPY requirements.lock ./
RUN pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml ./
COPY agents agents
COPY replay replay
COPY schemas schemas
COPY scripts scripts
COPY settlement settlement
COPY topics topics
RUN pip install --no-deps --no-build-isolation .

# Not root. What it writes is under /data; a volume that is new takes over this owner.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data settle \
    && install --directory --owner settle --group settle /data
USER settle
WORKDIR /data

# As a list, not through a shell: SIGTERM reaches the worker, which finishes, commits and leaves.
ENTRYPOINT ["settle"]
CMD ["worker"]
