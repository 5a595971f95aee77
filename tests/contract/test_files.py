"""Files that come with forms, and who may download them."""

import asyncio
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from tests.contract.form_helpers import FORMS, path_of
from tests.contract.service import Answer, Service, ask, new_email
from tests.contract.workspaces import new_workspace
from tests.support.waiting import until

PDF = b"%PDF-1.7\n" + secrets.token_bytes(2000)
SVG = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
HTML = b"<!DOCTYPE html><script>alert(document.cookie)</script>"
MEGABYTE = 1 << 20

Upload = tuple[str, bytes, str]  # name, content, Content-Type


def form_body(files: Sequence[Upload], key: str = "cv", **values: str) -> aiohttp.FormData:
    body = aiohttp.FormData(quote_fields=False, default_to_multipart=True)
    body.add_field("mail", values.pop("mail", new_email()))
    for name, value in values.items():
        body.add_field(name, value)
    for name, content, kind in files:
        body.add_field(key, content, filename=name, content_type=kind)
    return body


async def make_file_form(client: aiohttp.ClientSession, settings: dict[str, Any] | None = None, **members: Any) -> str:
    """The address of a form with one field for files, which has these members."""
    fields = [{"key": "mail", "type": "email", "maps_to": "email"}, {"key": "cv", "type": "file", **members}]
    body = {"name": "Files", "fields": fields, "settings": settings or {}}
    answer = await ask(client, "POST", FORMS, json=body)
    assert answer.status == 201, answer.raw
    return path_of(answer.body["data"])


async def sent_files(client: aiohttp.ClientSession, answer: Answer) -> Any:
    """The value of the field for files in the submission that was accepted."""
    assert answer.status == 201, answer.raw
    shown = await ask(client, "GET", f"/api/v1/submissions/{answer.body['submission_id']}")
    return shown.body["data"]["payload"]["cv"]


@pytest_asyncio.fixture(scope="module")
async def form(client: aiohttp.ClientSession) -> str:
    return await make_file_form(client)


async def download(client: aiohttp.ClientSession, id_: str) -> Answer:
    return await ask(client, "GET", f"/api/v1/files/{id_}")


async def test_a_file_is_kept_and_downloaded(client: aiohttp.ClientSession, form: str) -> None:
    answer = await ask(client, "POST", form, data=form_body([("Zoë's CV.pdf", PDF, "text/html")]))
    file = await sent_files(client, answer)
    assert file.keys() == {"id", "name", "size", "type"}
    assert file | {"id": ""} == {"id": "", "name": "Zoë's CV.pdf", "size": len(PDF), "type": "application/pdf"}
    found = await download(client, file["id"])
    assert (found.status, found.raw) == (200, PDF)
    wanted = {
        "Content-Type": "application/pdf",
        "Content-Length": str(len(PDF)),
        "Content-Disposition": "attachment; filename=\"Zo__s CV.pdf\"; filename*=UTF-8''Zo%C3%AB%27s%20CV.pdf",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    assert {name: found.headers[name] for name in wanted} == wanted
    head = await ask(client, "HEAD", f"/api/v1/files/{file['id']}")
    assert (head.status, head.raw, head.headers["Content-Length"]) == (200, b"", str(len(PDF)))


async def test_several_files_of_one_field_are_kept(client: aiohttp.ClientSession, form: str) -> None:
    files = [(f"{number}.pdf", PDF + bytes([number]), "application/pdf") for number in range(3)]
    kept = await sent_files(client, await ask(client, "POST", form, data=form_body(files)))
    assert [file["name"] for file in kept] == ["0.pdf", "1.pdf", "2.pdf"]
    found = await asyncio.gather(*(download(client, file["id"]) for file in kept))
    assert [one.raw for one in found] == [content for _, content, _ in files]


async def test_files_are_no_other_workspaces_and_need_a_scope(
    client: aiohttp.ClientSession, service: Service, form: str
) -> None:
    file = await sent_files(client, await ask(client, "POST", form, data=form_body([("a.pdf", PDF, "")])))
    slug = f"files-{secrets.token_hex(4)}"
    service.make_workspace(slug, "Other")
    async with service.client(service.make_key("*", workspace=slug)) as other:
        assert (await download(other, file["id"])).status == 404
        # The same content, in a workspace of its own: one is read by nobody with the other's id.
        theirs = await sent_files(
            other, await ask(other, "POST", await make_file_form(other), data=form_body([("b.pdf", PDF, "")]))
        )
        assert (await download(other, theirs["id"])).raw == PDF
    assert (await download(client, theirs["id"])).status == 404
    for wrong in ("x", "00000000-0000-0000-0000-000000000000"):
        assert (await download(client, wrong)).status == 404
    async with service.client(service.make_key("submit:leads")) as weak:
        assert (await download(weak, file["id"])).status == 403
    async with service.client(None) as nobody:
        assert (await download(nobody, file["id"])).status == 401


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ada\\cv.pdf", "cv.pdf"),
        ("..", "file"),
        ("a%22%0d%0aSet-Cookie: x.pdf", "a%22%0d%0aSet-Cookie: x.pdf"),
        ("invoice\u202efdp.exe", "invoicefdp.exe"),
        ("x" * 300 + ".pdf", "x" * 251 + ".pdf"),
    ],
)
async def test_hostile_names_are_harmless(client: aiohttp.ClientSession, form: str, name: str, shown: str) -> None:
    file = await sent_files(client, await ask(client, "POST", form, data=form_body([(name, PDF, "")])))
    assert file["name"] == shown
    found = await download(client, file["id"])
    assert (found.status, found.raw) == (200, PDF)
    assert found.headers["Content-Disposition"].startswith("attachment; ")
    assert "Set-Cookie" not in found.headers


@pytest.mark.parametrize(
    ("sent", "status", "header"),
    [
        (rb"a\".pdf", 201, "attachment; filename=\"a_.pdf\"; filename*=UTF-8''a%22.pdf"),
        (
            b"a; filename=b.pdf",
            201,
            "attachment; filename=\"a_ filename=b.pdf\"; filename*=UTF-8''a%3B%20filename%3Db.pdf",
        ),
        (b'a"\r\nSet-Cookie: x', 201, "attachment; filename=\"a\"; filename*=UTF-8''a"),
        (b"a\x01.pdf", 400, ""),
    ],
)
async def test_a_name_cannot_leave_its_header(
    client: aiohttp.ClientSession, form: str, sent: bytes, status: int, header: str
) -> None:
    parts = [
        b'Content-Disposition: form-data; name="cv"; filename="' + sent + b'"\r\n\r\n' + PDF,
        b'Content-Disposition: form-data; name="mail"\r\n\r\n' + new_email().encode(),
    ]
    body = b"".join(b"--x\r\n" + part + b"\r\n" for part in parts) + b"--x--\r\n"
    answer = await ask(client, "POST", form, data=body, headers={"Content-Type": "multipart/form-data; boundary=x"})
    assert answer.status == status, answer.raw
    if status == 201:
        found = await download(client, (await sent_files(client, answer))["id"])
        assert found.headers["Content-Disposition"] == header
        assert "Set-Cookie" not in found.headers


@pytest.mark.parametrize(
    ("content", "kind"), [(SVG, "image/svg+xml"), (HTML, "text/html"), (b"#!/bin/sh\nid\n", "text/x-shellscript")]
)
async def test_what_a_browser_would_run_is_only_downloaded(
    client: aiohttp.ClientSession, form: str, content: bytes, kind: str
) -> None:
    file = await sent_files(
        client, await ask(client, "POST", form, data=form_body([("cat.png", content, "image/png")]))
    )
    assert file["type"] == kind
    found = await download(client, file["id"])
    assert found.headers["Content-Type"] == "application/octet-stream"
    assert found.headers["Content-Disposition"].startswith("attachment; ")
    assert found.headers["X-Content-Type-Options"] == "nosniff"


async def test_files_over_the_limits_are_refused_at_their_field(client: aiohttp.ClientSession) -> None:
    form = await make_file_form(client, {"max_upload_mb": 3}, max_size_mb=2, accept=[".pdf", "image/*"])

    async def post(*files: tuple[str, bytes]) -> Answer:
        return await ask(client, "POST", form, data=form_body([(name, content, "") for name, content in files]))

    large = PDF + bytes(2 * MEGABYTE - len(PDF))
    assert (await post(("a.pdf", large))).status == 201
    answer = await post(("a.pdf", large + b"."))
    assert (answer.status, answer.body["errors"].keys()) == (422, {"cv"})
    assert "2 MB" in answer.body["errors"]["cv"][0]
    for name, content in (("a.exe", PDF), ("a.pdf", HTML), ("a.png", SVG), ("cv.pdf.html", HTML)):
        answer = await post((name, content))
        assert (answer.status, answer.body["errors"].keys()) == (422, {"cv"}), name
    assert (await post(("a.pdf", large), ("b.pdf", large))).status == 413
    assert (await post(*((f"{number}.pdf", PDF) for number in range(51)))).status == 400


async def test_a_refused_post_leaves_no_content(client: aiohttp.ClientSession, service: Service, form: str) -> None:
    folder, content = service.stack.folder / "files", b"%PDF-" + secrets.token_bytes(50_000)
    before = contents(folder)
    answer = await ask(client, "POST", form, data=form_body([("a.pdf", content, "")], mail="nobody"))
    assert answer.status == 422
    until(lambda: contents(folder) == before, what="the refused content is gone")
    wanted = form_body([("a.pdf", content, "")])
    assert (await ask(client, "POST", form, data=wanted)).status == 201
    assert len(contents(folder) - before) == 1
    # Refused again, it stays: the other submission has it.
    await ask(client, "POST", form, data=form_body([("a.pdf", content, "")], mail="nobody"))
    assert len(contents(folder) - before) == 1
    assert not list((folder / "incoming").iterdir())


def contents(folder: Path) -> set[Path]:
    return set(folder.glob("??/??/*"))


async def test_a_file_in_a_field_of_another_kind_is_not_stored(
    client: aiohttp.ClientSession, service: Service, form: str
) -> None:
    folder = service.stack.folder / "files"
    before = contents(folder)
    body = form_body([("a.pdf", PDF + b"other", "")], key="unknown")
    assert (await ask(client, "POST", form, data=body)).status == 201
    assert (await ask(client, "POST", form, data=form_body([("a.pdf", PDF + b"mail", "")], key="mail"))).status == 422
    assert contents(folder) == before


async def test_a_repeated_post_keeps_its_file(client: aiohttp.ClientSession, form: str) -> None:
    used, mail = {"Idempotency-Key": secrets.token_hex(8)}, new_email()
    answers = [
        await ask(client, "POST", form, data=form_body([("a.pdf", content, "")], mail=mail), headers=used)
        for content in (PDF, PDF, PDF + b".")
    ]
    assert [answer.status for answer in answers] == [201, 201, 409]
    file = await sent_files(client, answers[1])
    assert (await download(client, file["id"])).raw == PDF


async def test_a_client_that_leaves_midway_leaves_nothing(service: Service, key: str, form: str) -> None:
    folder = service.stack.folder / "files"
    before = contents(folder)
    head = [
        f"POST {form} HTTP/1.1",
        "Host: localhost",
        f"Authorization: Bearer {key}",
        "Content-Type: multipart/form-data; boundary=x",
        f"Content-Length: {MEGABYTE}",
    ]
    part = b'--x\r\nContent-Disposition: form-data; name="cv"; filename="a.pdf"\r\n\r\n'
    with service.connect() as connection:
        connection.sendall("\r\n".join(head).encode() + b"\r\n\r\n" + part + PDF + secrets.token_bytes(300_000))
        until(lambda: any((folder / "incoming").iterdir()), what="the upload")
    until(lambda: not any((folder / "incoming").iterdir()), what="the end of the upload")
    assert contents(folder) == before


async def test_files_arrive_whole_at_their_largest(client: aiohttp.ClientSession, form: str) -> None:
    content = [PDF + secrets.token_bytes(8 * MEGABYTE) for _ in range(3)]
    answer = await ask(client, "POST", form, data=form_body([(f"{n}.pdf", one, "") for n, one in enumerate(content)]))
    kept = await sent_files(client, answer)
    for file, sent in zip(kept, content, strict=True):
        assert (await download(client, file["id"])).raw == sent


async def test_a_workspace_keeps_no_more_files_than_its_quota(service: Service) -> None:
    """The form is still taken without the file, and so is another workspace's file."""
    full = (
        "INSERT INTO files (workspace_id, id, submission_id, form_id, field_key, digest, name, size, type)"
        " SELECT workspace_id, gen_random_uuid(), gen_random_uuid(), f.id, 'cv', '', 'old', 10240::bigint << 20, 'a/b'"
        " FROM forms f JOIN workspaces w ON w.id = f.workspace_id WHERE w.slug = %s"
    )
    async with new_workspace(service) as ours, new_workspace(service) as others:
        form, theirs = await make_file_form(ours.client), await make_file_form(others.client)
        with service.stack.database() as database:
            database.execute(full, (ours.slug,))
        files = [("cv.pdf", PDF, "application/pdf")]
        refused = await ask(ours.client, "POST", form, data=form_body(files))
        assert (refused.status, refused.body["errors"].keys()) == (422, {"cv"}), refused.raw
        assert (await ask(ours.client, "POST", form, data=form_body([]))).status == 201
        assert (await ask(others.client, "POST", theirs, data=form_body(files))).status == 201
