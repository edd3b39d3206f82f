"""IAM and STS over a store in memory, asked by requests that botocore writes, signs and reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any
from unittest.mock import patch
from urllib.parse import urlencode

import trio
from botocore import auth, parsers, serialize
from botocore.awsrequest import AWSRequest, HeadersDict
from botocore.credentials import Credentials
from botocore.loaders import Loader
from botocore.model import ServiceModel
from s3_harness import HOST, S3, Answer, Client

from storage.front import Front

REGION = "us-east-1"
_VERSION_SERVICE = {"iam": "2010-05-08", "sts": "2011-06-15"}


class IamFault(Exception):
    """An error as botocore would raise it."""

    def __init__(self, status: int, parsed: dict[str, Any]) -> None:
        self.status = status
        self.code = parsed["Error"]["Code"]
        self.message = parsed["Error"]["Message"]
        super().__init__(f"{status} {parsed['Error']}")


class SessionClient(Client):
    """Signs S3 requests with the key of a session."""

    def __init__(self, s3: S3, access_key: str, secret: str, token: str = "") -> None:
        super().__init__(s3, access_key, secret)
        self.token = token

    def sign(
        self, method: str, path: str, query: str, headers: dict[str, str], body: bytes
    ) -> dict[str, str]:
        if self.token:
            headers = {**headers, "x-amz-security-token": self.token}
        return super().sign(method, path, query, headers, body)


class Iam:
    """Calls IAM and STS as somebody; an empty access key signs nothing."""

    def __init__(
        self, s3: S3, access_key: str = "", secret: str = "", token: str = "", host: str = HOST
    ) -> None:
        self.s3 = s3
        self.credentials = Credentials(access_key, secret, token or None) if access_key else None
        self.host = host

    async def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """Call an operation, of STS where it has it.

        Raises:
            IamFault: the answer is an error.
        """
        service = "sts" if operation in model("sts").operation_names else "iam"
        operation_model = model(service).operation_model(operation)
        asked = serialize.create_serializer("query").serialize_to_request(
            parameters, operation_model
        )
        answer = await self.post(urlencode(asked["body"]).encode(), service)
        response = {
            "status_code": answer.status,
            "headers": HeadersDict(answer.headers),
            "body": answer.body,
        }
        parsed: dict[str, Any] = parsers.create_parser("query").parse(
            response, operation_model.output_shape
        )
        assert parsed["ResponseMetadata"]["RequestId"] == answer["x-amzn-requestid"]
        if answer.status >= 300:
            raise IamFault(answer.status, parsed)
        return parsed

    async def post(
        self, body: bytes, service: str = "iam", region: str = REGION, sent: bytes | None = None
    ) -> Answer:
        """Send a form.

        Args:
            body: the form.
            service: that is signed for.
            region: that is signed for.
            sent: instead of what was signed.
        """
        headers = {
            "host": self.host,
            "content-type": "application/x-www-form-urlencoded; charset=utf-8",
            "content-length": str(len(body)),
        }
        request = AWSRequest("POST", f"http://{self.host}/", headers, body)
        if self.credentials is not None:
            with patch.object(auth, "get_current_datetime", self.s3.now):
                auth.SigV4Auth(self.credentials, service, region).add_auth(request)
        whole = body if sent is None else sent
        return await ask(self.s3, "POST", dict(request.headers.items()), "", whole)

    async def get(self, action: str, service: str = "sts", expires_s: int = 60) -> Answer:
        """Send a presigned request."""
        query = f"Action={action}&Version={_VERSION_SERVICE[service]}"
        request = AWSRequest("GET", f"http://{self.host}/?{query}")
        with patch.object(auth, "get_current_datetime", self.s3.now):
            auth.SigV4QueryAuth(self.credentials, service, REGION, expires_s).add_auth(request)
        return await ask(
            self.s3, "GET", {"host": self.host}, str(request.url).partition("?")[2], b""
        )


async def ask(
    s3: S3, method: str, headers: Mapping[str, object], query: str, body: bytes
) -> Answer:
    """Send a request to the shared port."""
    answer = Answer()
    scope = {
        "type": "http",
        "method": method,
        "scheme": "http",
        "path": "/",
        "raw_path": b"/",
        "query_string": query.encode(),
        "client": ("127.0.0.1", 40000),
        "headers": [
            (name.lower().encode(), value if isinstance(value, bytes) else str(value).encode())
            for name, value in headers.items()
        ],
    }

    async def receive() -> dict[str, Any]:
        await trio.lowlevel.checkpoint()
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        if message["type"] == "http.response.start":
            answer.status = message["status"]
            answer.headers = {
                name.decode().lower(): value.decode() for name, value in message["headers"]
            }
        else:
            answer.body += bytes(message["body"])

    async def no_swift(scope: Any, receive: Any, send: Any) -> None:
        raise AssertionError("a request for IAM came to Swift")

    front = Front(no_swift, s3.app, s3.app.addressing.bucket_of_host, bytes, iam=s3.iam)
    await front(scope, receive, send)
    return answer


@cache
def model(service: str) -> ServiceModel:
    """Return botocore's model of a service."""
    return ServiceModel(Loader().load_service_model(service, "service-2"), service)


def policy(effect: str, actions: str | list[str], resources: Any = "*", **more: Any) -> str:
    """Return a policy document with one statement."""
    statement = {"Effect": effect, "Action": actions, "Resource": resources, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def trust(principal: Any, **more: Any) -> str:
    """Return a trust policy."""
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, **more}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


async def make_user(iam: Iam, name: str, *policies: str) -> SessionClient:
    """Create a user with inline policies and a key; return a client that signs as the user."""
    await iam.call("CreateUser", UserName=name)
    for number, text in enumerate(policies):
        await iam.call("PutUserPolicy", UserName=name, PolicyName=f"p{number}", PolicyDocument=text)
    key = (await iam.call("CreateAccessKey", UserName=name))["AccessKey"]
    return SessionClient(iam.s3, key["AccessKeyId"], key["SecretAccessKey"])


def iam_of(client: Client) -> Iam:
    """Return IAM as the client of an S3 client sees it."""
    token = client.token if isinstance(client, SessionClient) else ""
    return Iam(client._s3, client.access_key, client.secret, token)


def s3_of(s3: S3, credentials: Mapping[str, Any]) -> SessionClient:
    """Return an S3 client that signs with what STS answered."""
    return SessionClient(
        s3,
        credentials["AccessKeyId"],
        credentials["SecretAccessKey"],
        credentials["SessionToken"],
    )
