"""docker-compose.yml and the Dockerfile, read by a parser: there is no Docker engine in the tests.

What they say of Kafka and of the worker is run without Docker in tests/integration/test_compose.py.
"""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from scripts.settings import Settings
from topics.catalogue import BATCH_BYTES_MAX

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
INSTRUCTIONS = [
    (line.split(maxsplit=1)[0], line.split(maxsplit=1)[1])
    for line in DOCKERFILE.splitlines()
    if line and not line.startswith("#")
]
OURS = {"topics", "worker"}


def arguments(instruction: str) -> list[str]:
    """Return what the Dockerfile says at each place of an instruction."""
    return [rest for name, rest in INSTRUCTIONS if name == instruction]


def test_the_services() -> None:
    assert set(SERVICES) == {"kafka", "topics", "worker", "kafka-ui"}
    assert {name for name, service in SERVICES.items() if "build" in service} == OURS
    for name in OURS:
        assert SERVICES[name]["build"] == "."


# -- what is run is known --------------------------------------------------------------------------


def test_images_are_pinned() -> None:
    images = [service["image"] for service in SERVICES.values() if "image" in service]
    assert len(images) == 2
    for image in [*images, *_base_images()]:
        assert re.fullmatch(r"[a-z0-9./-]+:v?\d+\.\d+\.\d+[\w.-]*", image), image


def _base_images() -> list[str]:
    return [rest.split()[0] for rest in arguments("FROM")]


def test_kafka_is_the_release_that_the_tests_run_on() -> None:
    pom = (ROOT / "scripts/broker_files/pom.xml").read_text(encoding="utf-8")
    found = re.search(r"<artifactId>kafka_2\.13</artifactId>\s*<version>([\d.]+)</version>", pom)
    assert found is not None
    assert SERVICES["kafka"]["image"] == f"apache/kafka:{found[1]}"


def test_the_images_python_is_one_of_ours() -> None:
    built_on, image = _base_images()
    assert built_on == image
    version = tuple(int(part) for part in image.removeprefix("python:").split("-")[0].split("."))
    assert (3, 11) <= version[:2] < (3, 14)


def test_packages_are_installed_by_hash_and_tools_stay_in_the_build_stage() -> None:
    """The image that runs has the packages of requirements-run.lock, and settle itself."""
    stages = re.split(r"^FROM .*$", DOCKERFILE, flags=re.MULTILINE)[1:]
    installed = [re.findall(r"^RUN (pip .*)$", stage, re.MULTILINE) for stage in stages]
    assert installed == [
        [
            "pip install --require-hashes --requirement requirements.lock",
            "pip wheel --no-deps --no-build-isolation --wheel-dir /wheels .",
        ],
        [
            "pip install --require-hashes --requirement requirements-run.lock",
            "pip install --no-deps --no-index /wheels/*.whl",
        ],
    ]


# -- Kafka -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR", "1", id="groups-on-one-node"),
        pytest.param("KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR", "1", id="transactions"),
        pytest.param("KAFKA_TRANSACTION_STATE_LOG_MIN_ISR", "1", id="in-sync-transactions"),
        pytest.param("KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS", "0", id="no-waiting-for-members"),
        pytest.param("KAFKA_AUTO_CREATE_TOPICS_ENABLE", "false", id="no-topics-by-mistake"),
        pytest.param("KAFKA_PROCESS_ROLES", "broker,controller", id="no-zookeeper"),
    ],
)
def test_kafkas_settings(variable: str, value: str) -> None:
    assert SERVICES["kafka"]["environment"][variable] == value


def test_kafka_takes_the_catalogues_batches() -> None:
    assert int(SERVICES["kafka"]["environment"]["KAFKA_MESSAGE_MAX_BYTES"]) >= BATCH_BYTES_MAX


def _addresses(variable: str) -> dict[str, str]:
    listeners: str = SERVICES["kafka"]["environment"][variable]
    return dict(re.findall(r"(\w+)://([\w.:]+)", listeners))


def test_the_host_and_the_containers_each_have_a_listener() -> None:
    listening, told = _addresses("KAFKA_LISTENERS"), _addresses("KAFKA_ADVERTISED_LISTENERS")
    assert told == {"HOST": "127.0.0.1:9092", "NETWORK": "kafka:19092"}
    assert {name: listening[name].split(":")[1] for name in told} == {
        name: address.split(":")[1] for name, address in told.items()
    }
    assert told["HOST"] == Settings.model_fields["brokers"].default
    for name in OURS:
        assert SERVICES[name]["environment"]["SETTLE_BROKERS"] == told["NETWORK"]
    ui = SERVICES["kafka-ui"]["environment"]
    assert ui["KAFKA_CLUSTERS_0_BOOTSTRAPSERVERS"] == told["NETWORK"]
    # The controller answers nobody outside its container.
    assert listening["CONTROLLER"].startswith("127.0.0.1:")
    voters = SERVICES["kafka"]["environment"]["KAFKA_CONTROLLER_QUORUM_VOTERS"]
    assert voters == f"1@{listening['CONTROLLER']}"


# -- settings, ports, health, order ----------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_variable_of_ours_is_a_setting(name: str) -> None:
    environment = SERVICES[name]["environment"]
    assert environment
    for variable in environment:
        assert variable.startswith("SETTLE_")
        assert variable.removeprefix("SETTLE_").lower() in Settings.model_fields, variable


def test_every_variable_of_ours_that_a_file_names_is_a_setting() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8") + DOCKERFILE
    for name in re.findall(r"SETTLE_([A-Z0-9_]+)", text):
        assert name.lower() in Settings.model_fields, name


def test_the_worker_and_the_topics_have_the_same_settings() -> None:
    assert SERVICES["topics"]["environment"] == SERVICES["worker"]["environment"]


def test_ports_are_published_on_the_hosts_own_address_only() -> None:
    ports = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert ports == {
        "kafka": ["127.0.0.1:9092:9092"],
        "topics": [],
        "worker": ["127.0.0.1:6066:6066"],
        "kafka-ui": ["127.0.0.1:8080:8080"],
    }


def test_the_workers_pages_are_where_its_port_and_its_check_look() -> None:
    environment = SERVICES["worker"]["environment"]
    assert environment["SETTLE_WEB_HOST"] == "0.0.0.0"  # noqa: S104 - inside its container
    port = environment["SETTLE_WEB_PORT"]
    assert SERVICES["worker"]["ports"] == [f"127.0.0.1:{port}:{port}"]
    assert f"127.0.0.1:{port}/live" in SERVICES["worker"]["healthcheck"]["test"][-1]


def test_health_checks() -> None:
    checked = {name: service.get("healthcheck") for name, service in SERVICES.items()}
    assert checked.pop("topics") is None  # it runs once
    for name, check in checked.items():
        assert check is not None, name
        assert check["test"][0] == "CMD"  # no shell, which an image may lack
        assert set(check) == {"test", "interval", "timeout", "retries", "start_period"}
    kafka = checked["kafka"]
    assert kafka is not None
    assert kafka["test"][1].endswith("/kafka-broker-api-versions.sh")


def test_each_starts_when_what_it_needs_is_there() -> None:
    needs = {
        name: {on: how["condition"] for on, how in service.get("depends_on", {}).items()}
        for name, service in SERVICES.items()
    }
    assert needs == {
        "kafka": {},
        "topics": {"kafka": "service_healthy"},
        "worker": {"kafka": "service_healthy", "topics": "service_completed_successfully"},
        "kafka-ui": {"kafka": "service_healthy"},
    }
    assert SERVICES["topics"]["command"] == ["topics", "create"]
    assert SERVICES["topics"]["restart"] == "no"


def test_data_are_on_volumes() -> None:
    used = {v.split(":")[0]: v for s in SERVICES.values() for v in s.get("volumes", [])}
    assert set(used) == set(COMPOSE["volumes"])
    log_dirs = SERVICES["kafka"]["environment"]["KAFKA_LOG_DIRS"]
    assert used["kafka"] == f"kafka:{log_dirs}"
    folder = SERVICES["worker"]["environment"]["SETTLE_S3_URL"].removeprefix("file:")
    assert folder.startswith(used["data"].removeprefix("data:") + "/")


# -- the image -------------------------------------------------------------------------------------


def test_the_worker_is_not_root_and_hears_signals() -> None:
    (user,) = arguments("USER")
    assert user == "settle"
    assert any("--uid 10001 --user-group" in run and "/data" in run for run in arguments("RUN"))
    assert arguments("ENTRYPOINT") == ['["settle"]']  # a list: no shell between
    assert arguments("CMD") == ['["worker"]']
    assert SERVICES["worker"]["init"] is True
    # agents/serve.py ends what hangs after nine seconds.
    assert int(SERVICES["worker"]["stop_grace_period"].removesuffix("s")) > 9


def _copied() -> list[str]:
    return [
        name
        for rest in arguments("COPY")
        if not rest.startswith("--from")
        for name in rest.split()[:-1]
    ]


def test_nothing_but_what_is_copied_reaches_the_engine() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    rules = [line for line in lines if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert sorted(line[1:] for line in rules if line.startswith("!")) == sorted(_copied())


def test_the_image_holds_every_package(tmp_path: Path) -> None:
    """A wheel made of nothing but what the Dockerfile copies has every file of every package."""
    context = tmp_path / "context"
    context.mkdir()
    for name in _copied():
        if (ROOT / name).is_dir():
            caches = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, context / name, ignore=caches)
        else:
            shutil.copy(ROOT / name, context / name)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-index"),
            *("--no-build-isolation", "--wheel-dir", str(tmp_path), str(context)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    (wheel,) = tmp_path.glob("*.whl")
    with ZipFile(wheel) as archive:
        held = set(archive.namelist())
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = {package.split(".")[0] for package in project["tool"]["setuptools"]["packages"]}
    wanted = {str(path.relative_to(ROOT)) for room in rooms for path in (ROOT / room).rglob("*.py")}
    assert wanted
    assert wanted <= held
    assert any(name.startswith("replay/data/") for name in held)
    assert "scripts/broker_files/pom.xml" in held
