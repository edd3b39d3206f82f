"""Buckets: create, head, list, delete, location."""

from __future__ import annotations

import pytest
from s3_harness import S3, ApiError, Client, s3_api

from storage.s3.settings import S3Settings


async def refused(client: Client, operation: str, **parameters: object) -> tuple[int, str]:
    with pytest.raises(ApiError) as error:
        await client.call(operation, **parameters)
    return error.value.status, error.value.code


async def test_a_new_bucket_is_there_and_listed(tester: Client) -> None:
    created = await tester.call("CreateBucket", Bucket="photos")
    assert created["Location"] == "/photos"
    head = await tester.call("HeadBucket", Bucket="photos")
    assert head["BucketRegion"] == "us-east-1"
    listed = await tester.call("ListBuckets")
    assert [bucket["Name"] for bucket in listed["Buckets"]] == ["photos"]
    assert listed["Owner"]["DisplayName"] == "test"
    location = await tester.call("GetBucketLocation", Bucket="photos")
    assert location.get("LocationConstraint") is None


async def test_a_deleted_bucket_is_gone_and_its_name_free(s3: S3, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    other = s3.clients["other:admin"]
    assert await refused(other, "CreateBucket", Bucket="photos") == (409, "BucketAlreadyExists")
    await tester.call("DeleteBucket", Bucket="photos")
    assert await refused(tester, "GetBucketLocation", Bucket="photos") == (404, "NoSuchBucket")
    assert await refused(tester, "DeleteBucket", Bucket="photos") == (404, "NoSuchBucket")
    await other.call("CreateBucket", Bucket="photos")


async def test_head_of_nothing_has_no_body(tester: Client) -> None:
    answer = await tester.request("HEAD", "/photos")
    assert (answer.status, answer.body) == (404, b"")


async def test_ones_own_bucket_again_is_no_error_in_the_classic_region(tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await tester.call("CreateBucket", Bucket="photos")


async def test_ones_own_bucket_again_is_an_error_elsewhere() -> None:
    async with s3_api(S3Settings(region="eu-west-1")) as s3:
        tester = s3.clients["test:tester"]
        await tester.call("CreateBucket", Bucket="photos")
        again = await refused(tester, "CreateBucket", Bucket="photos")
        assert again == (409, "BucketAlreadyOwnedByYou")
        location = await tester.request("GET", "/photos", "location")
        assert location.xml("LocationConstraint").text == "eu-west-1"
        constraint = {"LocationConstraint": "EU"}
        await tester.call("CreateBucket", Bucket="others", CreateBucketConfiguration=constraint)


async def test_a_region_that_is_not_here(tester: Client) -> None:
    constraint = {"LocationConstraint": "mars-north-1"}
    answer = await refused(
        tester, "CreateBucket", Bucket="photos", CreateBucketConfiguration=constraint
    )
    assert answer == (400, "InvalidLocationConstraint")
    assert (await refused(tester, "GetBucketLocation", Bucket="photos"))[0] == 404


@pytest.mark.parametrize("body", [b"<nonsense", b"<Other/>", b"<!DOCTYPE x []><x/>"])
async def test_wrong_documents(tester: Client, body: bytes) -> None:
    answer = await tester.request("PUT", "/photos", body=body)
    assert (answer.status, answer.code) == (400, "MalformedXML")
    assert (await tester.request("GET", "/photos")).status == 404


@pytest.mark.parametrize("name", ["ab", "UPPER", "under_score", "192.168.5.4", "a" * 64, "a..b"])
async def test_names_that_are_refused(tester: Client, name: str) -> None:
    answer = await tester.request("PUT", f"/{name}")
    assert (answer.status, answer.code) == (400, "InvalidBucketName")


async def test_a_bucket_with_objects_is_not_deleted(tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await tester.call("PutObject", Bucket="photos", Key="a", Body=b"x")
    assert await refused(tester, "DeleteBucket", Bucket="photos") == (409, "BucketNotEmpty")
    await tester.call("DeleteObject", Bucket="photos", Key="a")
    await tester.call("DeleteBucket", Bucket="photos")


async def test_a_bucket_with_a_delete_marker_is_not_deleted(tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    enabled = {"Status": "Enabled"}
    await tester.call("PutBucketVersioning", Bucket="photos", VersioningConfiguration=enabled)
    marker = await tester.call("DeleteObject", Bucket="photos", Key="a")
    assert await refused(tester, "DeleteBucket", Bucket="photos") == (409, "BucketNotEmpty")
    await tester.call("DeleteObject", Bucket="photos", Key="a", VersionId=marker["VersionId"])
    await tester.call("DeleteBucket", Bucket="photos")


async def test_pages_of_buckets(s3: S3, tester: Client) -> None:
    names = [f"bucket-{number}" for number in range(7)]
    for name in [*names, "photos"]:
        await tester.call("CreateBucket", Bucket=name)
    found: list[str] = []
    more: dict[str, str] = {}
    pages = 0
    while True:
        page = await tester.call("ListBuckets", MaxBuckets=3, Prefix="bucket", **more)
        pages += 1
        found += [bucket["Name"] for bucket in page["Buckets"]]
        assert page["Prefix"] == "bucket"
        if "ContinuationToken" not in page:
            break
        more = {"ContinuationToken": page["ContinuationToken"]}
    assert (found, pages) == (names, 3)
    assert len((await tester.call("ListBuckets", BucketRegion="us-east-1"))["Buckets"]) == 8
    assert (await tester.call("ListBuckets", BucketRegion="eu-west-1"))["Buckets"] == []


@pytest.mark.parametrize("query", ["max-buckets=0", "max-buckets=x", "max-buckets=-1"])
async def test_nonsense_in_a_list_of_buckets(tester: Client, query: str) -> None:
    answer = await tester.request("GET", "/", query)
    assert (answer.status, answer.code) == (400, "InvalidArgument")


async def test_who_has_no_buckets_sees_none(s3: S3) -> None:
    assert (await s3.clients["other:admin"].call("ListBuckets"))["Buckets"] == []
    assert await refused(s3.anonymous, "ListBuckets") == (403, "AccessDenied")


async def test_what_is_hidden_is_not_listed(s3: S3, tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await tester.call("CreateMultipartUpload", Bucket="photos", Key="a")
    names = [bucket["Name"] for bucket in (await tester.call("ListBuckets"))["Buckets"]]
    assert names == ["photos"]


async def test_only_administrators_make_buckets(s3: S3) -> None:
    member = s3.clients["test:member"]
    assert await refused(member, "CreateBucket", Bucket="photos") == (403, "AccessDenied")
    assert await refused(s3.anonymous, "CreateBucket", Bucket="photos") == (403, "AccessDenied")


async def test_an_account_has_room_for_so_many_buckets() -> None:
    async with s3_api(S3Settings(buckets_max=2)) as s3:
        tester = s3.clients["test:tester"]
        await tester.call("CreateBucket", Bucket="one")
        await tester.call("CreateBucket", Bucket="two")
        assert await refused(tester, "CreateBucket", Bucket="three") == (400, "TooManyBuckets")


async def test_a_bucket_of_another_owner_than_expected(tester: Client) -> None:
    await tester.call("CreateBucket", Bucket="photos")
    await tester.call("HeadBucket", Bucket="photos", ExpectedBucketOwner="test")
    answer = await refused(
        tester, "GetBucketLocation", Bucket="photos", ExpectedBucketOwner="111122223333"
    )
    assert answer == (403, "AccessDenied")


async def test_a_bucket_is_born_with_tags(tester: Client) -> None:
    tags = [{"Key": "team", "Value": "a:b"}, {"Key": "stage", "Value": ""}]
    await tester.call("CreateBucket", Bucket="photos", CreateBucketConfiguration={"Tags": tags})
    found = await tester.call("GetBucketTagging", Bucket="photos")
    assert sorted(found["TagSet"], key=lambda tag: tag["Key"]) == sorted(
        tags, key=lambda tag: tag["Key"]
    )
    twice = {"Tags": [tags[0], tags[0]]}
    answer = await refused(tester, "CreateBucket", Bucket="albums", CreateBucketConfiguration=twice)
    assert answer == (400, "InvalidTag")
    assert (await tester.request("HEAD", "/albums")).status == 404
