"""FormPost: uploads from web pages."""

from collections.abc import Iterable

import pytest
from swift_harness import Answer, Client, Swift
from swift_keys import KEY, OTHER_KEY, now_s, sign_form

BOUNDARY = "----WebKitFormBoundary7MA4"
PATH = "/v1/AUTH_test/c/up/"
File = tuple[str, str, bytes, str]


@pytest.fixture
async def web(swift: Swift, tester: Client) -> Client:
    """Whoever has no token, in an account with a key."""
    await tester("POST", x_account_meta_temp_url_key=KEY)
    await tester("PUT", "c", x_container_meta_temp_url_key=OTHER_KEY)
    return swift.anonymous


def fields_of(swift: Swift, **fields: str) -> dict[str, str]:
    """Return fields that fit, in the order of a browser."""
    return {
        "redirect": "",
        "max_file_size": "1000",
        "max_file_count": "2",
        "expires": str(now_s(swift) + 60),
    } | fields


def form(fields: dict[str, str], files: Iterable[File], *, end: str = "--") -> bytes:
    """Return a body of multipart/form-data."""
    parts = [
        f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, filename, content, headers in files:
        head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\n{headers}'
        parts.append(f"--{BOUNDARY}\r\n{head}\r\n".encode() + content + b"\r\n")
    return b"".join(parts) + f"--{BOUNDARY}{end}\r\n".encode()


async def post(web: Client, body: bytes, path: str = PATH, pieces: int = 0) -> Answer:
    headers = {"content-type": f"multipart/form-data; boundary={BOUNDARY}"}
    whole = [body[at : at + pieces] for at in range(0, len(body), pieces)] if pieces else body
    return await web.request("POST", path, headers, whole)


def signed(swift: Swift, path: str = PATH, key: str = KEY, **fields: str) -> dict[str, str]:
    given = fields_of(swift, **fields)
    return given | {"signature": sign_form(path, given, key)}


ONE: list[File] = [("file1", "a.txt", b"hello\r\n--world", "Content-Type: text/x-mine\r\n")]


@pytest.mark.parametrize("key", [KEY, OTHER_KEY])
@pytest.mark.parametrize("pieces", [0, 1, 7, 100])
async def test_a_form_stores_its_files(
    swift: Swift, web: Client, tester: Client, key: str, pieces: int
) -> None:
    files = [*ONE, ("file2", "b.bin", b"", "Content-Encoding: gzip\r\n")]
    answer = await post(web, form(signed(swift, key=key), files), pieces=pieces)
    assert (answer.status, answer.body) == (201, b"201 Created")
    first = await tester("GET", "c", "up/a.txt")
    assert (first.body, first["content-type"]) == (b"hello\r\n--world", "text/x-mine")
    second = await tester("GET", "c", "up/b.bin")
    assert (second.body, second["content-encoding"]) == (b"", "gzip")


@pytest.mark.parametrize("algorithm", ["sha1", "sha512"])
async def test_other_algorithms_sign_as_well(swift: Swift, web: Client, algorithm: str) -> None:
    fields = fields_of(swift)
    fields["signature"] = sign_form(PATH, fields, algorithm=algorithm)
    assert (await post(web, form(fields, ONE))).status == 201


async def test_a_container_is_a_path_too(swift: Swift, web: Client, tester: Client) -> None:
    path = "/v1/AUTH_test/c"
    assert (await post(web, form(signed(swift, path), ONE), path)).status == 201
    assert (await tester("GET", "c", "a.txt")).status == 200


async def test_fields_that_are_headers(swift: Swift, web: Client, tester: Client) -> None:
    fields = signed(swift) | {
        "x_delete_after": "100",
        "content-type": "text/given",
        "content-encoding": "br",
    }
    assert (await post(web, form(fields, ONE))).status == 201
    stored = await tester("HEAD", "c", "up/a.txt")
    assert (stored["content-type"], stored["content-encoding"]) == ("text/given", "br")
    assert int(stored["x-delete-at"]) >= now_s(swift) + 99


async def test_the_browser_is_sent_on(swift: Swift, web: Client) -> None:
    fields = signed(swift, redirect="https://example.com/?a=<b>")
    answer = await post(web, form(fields, ONE))
    assert answer.status == 303
    assert answer["location"] == "https://example.com/?a=<b>&status=201&message="
    assert b'href="https://example.com/?a=&lt;b&gt;&amp;status=201&amp;message="' in answer.body
    broken = await post(web, form(signed(swift, redirect="/x", max_file_count="0"), ONE))
    assert broken["location"] == "/x?status=400&message=max%20file%20count%20exceeded"


@pytest.mark.parametrize(
    ("change", "status", "text"),
    [
        ({"signature": "0" * 64}, 401, b"FormPost: Invalid Signature"),
        ({"signature": "what"}, 401, b"FormPost: Invalid Signature"),
        ({"max_file_size": "2000"}, 401, b"FormPost: Invalid Signature"),
        ({"redirect": "/elsewhere"}, 401, b"FormPost: Invalid Signature"),
        ({"expires": "1"}, 401, b"FormPost: Form Expired"),
        ({"expires": "x"}, 400, b"FormPost: expired not an integer"),
        ({"max_file_size": "x"}, 400, b"FormPost: max_file_size not an integer"),
        ({"max_file_count": "x"}, 400, b"FormPost: max_file_count not an integer"),
        ({"max_file_count": "0"}, 400, b"400 Bad Request\r\nFormPost: Max File Count Exceeded"),
        (
            {"x_delete_at": "x"},
            400,
            b"FormPost: x_delete_at not an integer: Unix timestamp required.",
        ),
    ],
)
async def test_what_is_wrong_stores_nothing(
    swift: Swift, web: Client, tester: Client, change: dict[str, str], status: int, text: bytes
) -> None:
    answer = await post(web, form(signed(swift) | change, ONE))
    assert (answer.status, answer.body) == (status, text)
    assert (await tester("GET", "c")).lines == []


async def test_limits_hold(swift: Swift, web: Client, tester: Client) -> None:
    large = [("f", "large", b"x" * 1001, "")]
    answer = await post(web, form(signed(swift), large), pieces=100)
    assert (answer.status, answer.body) == (400, b"FormPost: max_file_size exceeded")
    three = [("f", f"n{number}", b"x", "") for number in range(3)]
    answer = await post(web, form(signed(swift), three))
    assert answer.body == b"400 Bad Request\r\nFormPost: Max File Count Exceeded"
    assert (await tester("GET", "c")).lines == ["up/n0", "up/n1"]
    assert (await post(web, form(signed(swift), []))).body.endswith(b"No Files To Process")


async def test_what_is_no_form(swift: Swift, web: Client, tester: Client) -> None:
    whole = form(signed(swift), ONE)
    for body in (b"", b"hello", whole[5:200], whole[:-50]):
        answer = await post(web, body)
        assert answer.status == 400
        assert answer.body.startswith(b"FormPost: ")
    assert (await tester("GET", "c")).lines == []
    assert (await post(web, form(signed(swift), ONE, end=""))).status == 400
    assert (await tester("GET", "c")).lines == ["up/a.txt"], "its file was whole"
    headers = {"content-type": "multipart/form-data"}
    assert (await web.request("POST", PATH, headers, whole)).status == 400


async def test_where_there_is_no_key_or_container(
    swift: Swift, web: Client, tester: Client
) -> None:
    path = "/v1/AUTH_test2/c/"
    assert (await post(web, form(signed(swift, path), ONE), path)).status == 401
    path = "/v1/AUTH_test/none/"
    assert (await post(web, form(signed(swift, path), ONE), path)).status == 404
    path = "/v1/AUTH_test"
    assert (await post(web, form(signed(swift, path), ONE), path)).status == 401


async def test_other_posts_are_none_of_its_business(tester: Client) -> None:
    await tester("PUT", "c")
    headers = {"content-type": "multipart/mixed; boundary=x"}
    assert (await tester.request("POST", "/v1/AUTH_test/c", headers, b"")).status == 204
