# settle and what it needs at run time, by hash. Its only command is settle; without arguments it
# starts the worker.
FROM python:3.12.12-slim-bookworm AS build

ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
# The tools that build and test stay in this stage.
COPY requirements.lock ./
RUN pip install --require-hashes --requirement requirements.lock
COPY pyproject.toml LICENSE ./
COPY agents agents
COPY audit audit
COPY pipeline pipeline
COPY replay replay
COPY schemas schemas
COPY scripts scripts
COPY settlement settlement
COPY topics topics
RUN pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.12.12-slim-bookworm

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 PIP_NO_CACHE_DIR=1 \
    PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore

# First what changes seldom.
COPY requirements-run.lock ./
RUN pip install --require-hashes --requirement requirements-run.lock
COPY --from=build /wheels /wheels
RUN pip install --no-deps --no-index /wheels/*.whl

# Not root. What it writes is under /data; a new volume takes over this owner.
RUN useradd --uid 10001 --user-group --no-create-home --home-dir /data settle \
    && install --directory --owner settle --group settle /data
USER settle
WORKDIR /data

# A list, no shell: SIGTERM reaches the worker, which finishes, commits and leaves.
ENTRYPOINT ["settle"]
CMD ["worker"]
