"""A small fast Swift client over http.client, that hides nothing: one connection, raw answers."""

import http.client
import json
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

from running_cloud import RunningCloud

TIMEOUT_S = 60.0


class Broken(Exception):
    """The connection broke, or could not be made: what became of the request is unknown."""


class Answer(NamedTuple):
    """A response, its header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


class Login(NamedTuple):
    """What a user's requests carry."""

    path: str
    token: str


def log_in(cloud: RunningCloud, user: str | None = None, key: str | None = None) -> Login:
    """Return the login of a user, by default the one of credentials.env."""
    known = cloud.credentials()
    client = SwiftClient(cloud, Login("", ""))
    headers = {"X-Auth-User": user or known["ST_USER"], "X-Auth-Key": key or known["ST_KEY"]}
    with client:
        answer = client.request("GET", "/auth/v1.0", headers=headers)
    assert answer.status == 200, answer
    url = answer.headers["x-storage-url"]
    return Login("/" + url.split("/", 3)[3], answer.headers["x-auth-token"])


class SwiftClient:
    """One keep-alive connection to a cloud, made when it is needed."""

    def __init__(
        self,
        cloud: RunningCloud,
        login: Login | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._cloud = cloud
        self._tls = tls
        self.login = log_in(cloud) if login is None else login
        self._start = 0
        self._connection: http.client.HTTPConnection | None = None

    def __enter__(self) -> "SwiftClient":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection; the next request makes another."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def connect(self) -> http.client.HTTPConnection:
        """Return the connection, made when there is none to the cloud that runs now."""
        if self._start != self._cloud.starts:
            self.close()
        if self._connection is None:
            self._start = self._cloud.starts
            address = ("127.0.0.1", self._cloud.port)
            if self._tls is None:
                self._connection = http.client.HTTPConnection(*address, timeout=TIMEOUT_S)
            else:
                self._connection = http.client.HTTPSConnection(
                    *address, timeout=TIMEOUT_S, context=self._tls
                )
        return self._connection

    def request(
        self,
        method: str,
        path: str,
        body: bytes | Iterable[bytes] = b"",
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request below the account (or to an absolute path before login).

        Raises:
            Broken: there is no whole answer.
        """
        sent = dict(headers or {})
        if isinstance(body, bytes) and (body or method == "PUT"):
            sent["Content-Length"] = str(len(body))
        self.begin(method, path, sent)
        if isinstance(body, bytes):
            self.send(body)
        else:
            for piece in body:
                self.send(piece)
        return self.end()

    def begin(self, method: str, path: str, headers: Mapping[str, str]) -> None:
        """Send a request's head.

        Raises:
            Broken: there is no connection.
        """
        with self._breaking():
            connection = self.connect()
            connection.putrequest(method, self.login.path + path)
            for name, value in {"X-Auth-Token": self.login.token, **headers}.items():
                connection.putheader(name, value)
            connection.endheaders()

    def send(self, data: bytes) -> None:
        """Send a part of the body.

        Raises:
            Broken: the connection broke.
        """
        if data:
            with self._breaking():
                self.connect().send(data)

    def end(self) -> Answer:
        """Return the answer to what was sent.

        Raises:
            Broken: there is no whole answer.
        """
        with self._breaking():
            response = self.connect().getresponse()
            body = response.read()
        if response.will_close:
            self.close()
        names = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, names, body)

    def pieces(self, path: str) -> Iterator[bytes]:
        """GET an object and walk what comes of its body, until it ends or breaks off."""
        self.begin("GET", quote(path), {})
        with suppress(Broken), self._breaking():
            response = self.connect().getresponse()
            while piece := response.read1(65536):
                yield piece
        self.close()

    @contextmanager
    def _breaking(self) -> Iterator[None]:
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            self.close()
            raise Broken(repr(error)) from error

    @property
    def local_port(self) -> int:
        """This end's port of the connection."""
        sock = self.connect().sock
        assert sock is not None
        return int(sock.getsockname()[1])

    def put(self, path: str, body: bytes = b"", **headers: str) -> Answer:
        """PUT; header names are given with underscores."""
        return self.request("PUT", quote(path), body, _header_names(headers))

    def get(self, path: str, **headers: str) -> Answer:
        """GET."""
        return self.request("GET", quote(path), headers=_header_names(headers))

    def head(self, path: str) -> Answer:
        """HEAD."""
        return self.request("HEAD", quote(path))

    def post(self, path: str, **headers: str) -> Answer:
        """POST."""
        return self.request("POST", quote(path), headers=_header_names(headers))

    def delete(self, path: str) -> Answer:
        """DELETE."""
        return self.request("DELETE", quote(path))

    def listing(self, path: str, **query: str) -> list[dict[str, Any]]:
        """Return all of a JSON listing, page by page."""
        return list(self._pages(path, query))

    def _pages(self, path: str, query: dict[str, str]) -> Iterator[dict[str, Any]]:
        marker = ""
        while True:
            asked = urlencode({"format": "json", **query, "marker": marker})
            answer = self.request("GET", f"{quote(path)}?{asked}")
            if answer.status != 200:
                raise Broken(f"listing: {answer.status}")
            page = json.loads(answer.body)
            if not page:
                return
            yield from page
            marker = page[-1].get("name") or page[-1]["subdir"]


def _header_names(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}
