"""The table of operations, held against botocore's model; what has no handler is 501."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from botocore.model import OperationModel
from s3_harness import S3, Client, service_model

from storage.s3.operations import OPERATIONS, SUBRESOURCES, Level, Operation, Variant
from storage.s3.routes import Routes

SUPERSEDED = {
    "GetBucketLifecycle",
    "GetBucketNotification",
    "ListDirectoryBuckets",
    "PutBucketLifecycle",
    "PutBucketNotification",
}
"""In the model beside another operation with the same request."""

ELSEWHERE = {"WriteGetObjectResponse"}
"""Of a service that shares the model: its host is never ours."""

OURS = {"PostObject", "Preflight"}
BY_NAME = {operation.name: operation for operation in OPERATIONS}


def models() -> Iterator[OperationModel]:
    for name in service_model().operation_names:
        if name not in SUPERSEDED | ELSEWHERE:
            yield service_model().operation_model(name)


def subresource_of(model: OperationModel) -> str:
    """Return the query parameter that selects an operation by botocore's model."""
    query = model.http["requestUri"].partition("?")[2].partition("&")[0]
    if query and query != "list-type=2":
        return query
    members = model.input_shape.members if model.input_shape else {}
    return "uploadId" if "UploadId" in members else ""


def test_the_table_is_the_models() -> None:
    names = {model.name for model in models()}
    assert {operation.name for operation in OPERATIONS} == names | OURS


@pytest.mark.parametrize("model", list(models()), ids=lambda model: model.name)
def test_an_operation_is_selected_as_the_model_says(model: OperationModel) -> None:
    operation = BY_NAME[model.name]
    path = model.http["requestUri"].partition("?")[0]
    level = path.count("{")
    assert operation.method == model.http["method"]
    assert operation.level == level
    assert operation.subresource == subresource_of(model)


def test_no_two_operations_have_one_request() -> None:
    selectors = [(one.method, one.level, one.subresource, one.variant) for one in OPERATIONS]
    assert len(selectors) == len(set(selectors))


def test_a_handler_must_be_for_an_operation() -> None:
    async def handler(request: object) -> None:
        return None

    with pytest.raises(ValueError, match="there is no operation Nonsense"):
        Routes({"Nonsense": handler})


PATHS = {Level.SERVICE: "/", Level.BUCKET: "/photos", Level.OBJECT: "/photos/cat.jpg"}


def ask_for(operation: Operation) -> tuple[str, dict[str, str]]:
    """Return the query and headers that select an operation."""
    query = {
        Variant.V2: "list-type=2",
        Variant.ID: f"{operation.subresource}&id=one&annotationName=one",
    }.get(operation.variant, operation.subresource)
    if operation.subresource == "uploadId":
        query = "uploadId=x&partNumber=1"
    headers = {"x-amz-copy-source": "/photos/dog.jpg"} if operation.variant is Variant.COPY else {}
    return query, headers


async def test_what_has_no_handler_is_not_implemented(s3: S3, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await tester.call("PutObject", Bucket="photos", Key="cat.jpg", Body=b"meow")
    missing = [one for one in OPERATIONS if one.name not in s3.app.routes.handlers]
    assert missing, "then this test can go"
    for operation in missing:
        query, headers = ask_for(operation)
        answer = await tester.request(operation.method, PATHS[operation.level], query, headers)
        assert (answer.status, answer.code) == (501, "NotImplemented"), operation.name
    kept = await tester.call("GetObject", Bucket="photos", Key="cat.jpg")
    assert kept["Body"].read() == b"meow", "none of them was taken for the plain operation"


@pytest.mark.parametrize("level", [Level.BUCKET, Level.OBJECT])
@pytest.mark.parametrize("subresource", sorted(SUBRESOURCES))
async def test_no_method_falls_through_to_the_plain_operation(
    s3: S3, tester: Client, level: Level, subresource: str
) -> None:
    if "CreateBucket" not in s3.app.routes.handlers:
        pytest.skip("nothing to lose")
    await tester.call("CreateBucket", Bucket="photos")
    await tester.call("PutObject", Bucket="photos", Key="cat.jpg", Body=b"meow")
    known = {
        one.method for one in OPERATIONS if (one.level, one.subresource) == (level, subresource)
    }
    for method in {"GET", "HEAD", "PUT", "POST", "DELETE"} - known:
        answer = await tester.request(method, PATHS[level], subresource)
        assert answer.status == (405 if known else 501), (method, subresource)
        if method != "HEAD":
            assert answer.code == ("MethodNotAllowed" if known else "NotImplemented")
    kept = await tester.call("GetObject", Bucket="photos", Key="cat.jpg")
    assert kept["Body"].read() == b"meow"


async def test_two_subresources_at_once_are_refused(tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    answer = await tester.request("GET", "/photos", "acl&tagging")
    assert (answer.status, answer.code) == (400, "InvalidArgument")


async def test_other_parameters_are_ignored(tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    answer = await tester.request("GET", "/photos", "nonsense=1&x-id=ListObjects")
    assert answer.status == 200
    assert answer.xml("ListBucketResult").value("Name") == "photos"


@pytest.mark.parametrize("method", ["PATCH", "COPY", "TRACE"])
async def test_unknown_methods(tester: Client, method: str) -> None:
    answer = await tester.request(method, "/photos/cat.jpg")
    assert (answer.status, answer.code) == (405, "MethodNotAllowed")
