"""A RabbitMQ of the test's own: a process with its own folder, ports and Erlang port mapper."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import amqp
import trustme

PROGRAM = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # the one on the path wants a system user
IS_INSTALLED = PROGRAM.exists() and shutil.which("epmd") is not None
USER, PASSWORD = "teller", "s3cret/!"
_PLAIN, _TLS, _MAPPER, _NODES = range(4)


@dataclass
class RabbitMQ:
    """A running server.

    Attributes:
        port: without TLS.
        tls_port: with TLS.
        trust: PEM file of the authority that signed its certificate.
    """

    port: int
    tls_port: int
    trust: Path

    @contextmanager
    def channel(self) -> Iterator[Any]:
        """Ask the server for what the test wants to know."""
        address = f"127.0.0.1:{self.port}"
        with amqp.Connection(address, USER, PASSWORD, login_method="PLAIN") as connection:
            yield connection.channel()


@contextmanager
def rabbitmq(folder: Path) -> Iterator[RabbitMQ]:
    """Run a server until the end of the block."""
    ports = _free_ports(4)
    trust, certificate = folder / "trust.pem", folder / "server.pem"
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(trust))
    authority.issue_cert("localhost").private_key_and_cert_chain_pem.write_to_path(str(certificate))
    (folder / "rabbitmq.conf").write_text(
        f"listeners.tcp.1 = 127.0.0.1:{ports[_PLAIN]}\n"
        f"listeners.ssl.1 = 127.0.0.1:{ports[_TLS]}\n"
        f"ssl_options.certfile = {certificate}\n"
        f"ssl_options.keyfile = {certificate}\n"
        f"default_user = {USER}\ndefault_pass = {PASSWORD}\n"
    )
    (folder / "plugins").write_text("[].")
    environment = os.environ | {
        "HOME": str(folder),
        "ERL_EPMD_PORT": str(ports[_MAPPER]),
        "ERL_EPMD_RELAXED_COMMAND_CHECK": "1",
        "RABBITMQ_NODENAME": f"atoll{ports[_PLAIN]}@localhost",
        "RABBITMQ_DIST_PORT": str(ports[_NODES]),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
        "RABBITMQ_FEATURE_FLAGS_FILE": str(folder / "flags"),
        "RABBITMQ_GENERATED_CONFIG_DIR": str(folder / "generated"),
        "RABBITMQ_MNESIA_BASE": str(folder / "data"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_SCHEMA_DIR": str(folder / "schema"),
        "RABBITMQ_LOGS": "-",
    }
    server = subprocess.Popen(
        [PROGRAM],
        env=environment,
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert server.stdout is not None
        said = []
        while "Server startup complete" not in (line := server.stdout.readline()):
            said.append(line)
            assert line, "".join(said)
        yield RabbitMQ(ports[_PLAIN], ports[_TLS], trust)
    finally:
        os.killpg(server.pid, signal.SIGKILL)
        server.communicate()
        subprocess.run(
            ["epmd", "-port", str(ports[_MAPPER]), "-kill"],
            env=environment,
            stdout=subprocess.DEVNULL,
            check=True,
        )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
