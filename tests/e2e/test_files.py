"""Files of a whole installation: in S3 as soon as they were acknowledged, and in its backups."""

import tarfile
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.backups import started
from tests.support.file_buckets import CREDENTIALS, serving_bucket
from tests.support.form_files import make_form_file
from tests.support.stack import Stack, running_stack
from tests.support.waiting import until

pytestmark = [pytest.mark.e2e, pytest.mark.extended]


def downloaded(stack: Stack, id_: str) -> bytes:
    request = urllib.request.Request(f"{stack.base}/api/v1/files/{id_}", headers=stack.headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        assert answer.headers["Content-Disposition"].startswith("attachment; ")
        content: bytes = answer.read()
    return content


def refusal(stack: Stack, id_: str) -> int:
    with pytest.raises(urllib.error.HTTPError) as refused:
        downloaded(stack, id_)
    return refused.value.code


def contents(stack: Stack) -> list[Path]:
    return list((stack.folder / "files").glob("??/??/*"))


def test_files_are_in_a_backup(tmp_path: Path) -> None:
    file, second = tmp_path / "saved.tar", Stack(tmp_path / "two")
    with running_stack(tmp_path / "one") as first:
        id_ = make_form_file(first)
        said = first.run("backup", str(file)).stderr
        assert "files: 1" in said
        assert "is complete" in said
        [content] = contents(first)
        content.rename(tmp_path / "elsewhere")
        lacking = first.run("backup", str(tmp_path / "lacking.tar"), check=False)
        assert (lacking.returncode, "1 files that the database names are not in" in lacking.stderr) == (1, True)
        assert first.run("backup", str(tmp_path / "lacking.tar"), "--force", "--allow-missing-files").stdout
        (tmp_path / "elsewhere").rename(content)
    with tarfile.open(file) as tar:
        member = tar.extractfile("files.tar")
        assert member is not None
        with tarfile.open(fileobj=member) as files:
            assert files.getnames() == [path.name for path in contents(first)]
    second.key = first.key
    warned = Stack(tmp_path / "three").run("restore", str(tmp_path / "lacking.tar")).stderr
    assert "1 files that the database names are not in" in warned
    assert "files: 1" in second.run("restore", str(file)).stderr
    with started(second):
        assert downloaded(second, id_) == b"%PDF-1.7"


def test_files_move_to_s3_and_come_from_there(tmp_path: Path) -> None:
    with serving_bucket() as server:
        settings = {"LEADHUB_FILES_URL": f"s3://{server.bucket}/visitors", "LEADHUB_FILES_ENDPOINT": server.url}
        with running_stack(tmp_path / "one", {**CREDENTIALS, **settings}) as stack:
            id_ = make_form_file(stack)
            until(lambda: len(server.keys()) == 1 and not contents(stack), what="the move")
            assert server.keys()[0].startswith("visitors/")
            assert downloaded(stack, id_) == b"%PDF-1.7"
            server.client.delete_object(Bucket=server.bucket, Key=server.keys()[0])
            assert refusal(stack, id_) == 404
            server.stop()
            assert refusal(stack, id_) == 503
            saved = stack.run("backup", str(tmp_path / "saved.tar")).stderr
            assert "no files that are in S3" in saved
