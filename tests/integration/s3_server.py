"""A real server of the S3 API for the tests: s3proxy over a folder, run by Java.

It checks signatures (AWS4) and `If-None-Match: *` of a put, and answers with S3's codes.
"""

import socket
import subprocess
import time
from pathlib import Path
from typing import Self

from scripts.local_kafka import free_port, java
from scripts.maven import fetched_jars

KEY_ID = "key-of-the-tests"
SECRET = "secret-of-the-tests"  # noqa: S105 - of a server that lives as long as a test
_START_SECONDS = 60.0
_LOGGING = """<configuration>
<appender name="out" class="ch.qos.logback.core.ConsoleAppender">
<encoder><pattern>%d %level %msg%n</pattern></encoder></appender>
<root level="WARN"><appender-ref ref="out"/></root>
</configuration>
"""


class S3Server:
    """A context. `folder` holds a folder for each bucket, and in it each object as a file."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.folder = directory / "buckets"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True)
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def bucket(self, name: str) -> Path:
        """Make a bucket, if it is not there; return its folder."""
        path = self.folder / name
        path.mkdir(exist_ok=True)
        return path

    def start(self) -> None:
        """Start the server, on the same port each time, and wait until it answers."""
        settings = {
            "s3proxy.endpoint": f"http://127.0.0.1:{self.port}",
            "s3proxy.authorization": "aws-v4",
            "s3proxy.identity": KEY_ID,
            "s3proxy.credential": SECRET,
            "jclouds.provider": "filesystem-nio2",
            "jclouds.filesystem.basedir": str(self.folder),
        }
        configuration = self.directory / "s3proxy.conf"
        configuration.write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
        logging = self.directory / "logback.xml"
        logging.write_text(_LOGGING)
        pom = Path(__file__).with_name("s3proxy.pom.xml").read_bytes()
        classes = ":".join(map(str, fetched_jars("s3proxy", pom, 23)))
        flags = ["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m"]
        with (self.directory / "s3proxy.log").open("ab") as output:
            self._process = subprocess.Popen(
                [
                    java(),
                    *flags,
                    f"-Dlogback.configurationFile={logging}",
                    "-cp",
                    classes,
                    "org.gaul.s3proxy.Main",
                    "--properties",
                    str(configuration),
                ],
                stdout=output,
                stderr=output,
            )
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return
            time.sleep(0.05)
        self.kill()
        raise AssertionError((self.directory / "s3proxy.log").read_text())

    def kill(self) -> None:
        """Kill the server; what it holds stays."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
