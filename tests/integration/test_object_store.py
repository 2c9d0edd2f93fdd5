"""Objects against a server that speaks S3: what is asked of it, and what its refusals mean."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import obstore
import pytest

from penstock.core.errors import AuthError, ConfigError, InternalError, PenstockError, StagingAway
from penstock.core.store_place import StorePlace
from penstock.sdk.objects import Objects, open_objects
from stores import SECRET, Bucket, refusing


def opened(bucket: Bucket, prefix: str = "some where/é", **more: str) -> Objects:
    place = StorePlace.of(f"s3://{bucket.name}/{prefix}", {**bucket.variables, **more})
    return open_objects(place, patience_s=1.0)


def test_objects_go_up_and_come_back(bucket: Bucket, tmp_path: Path) -> None:
    objects = opened(bucket)
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(b"abc")
    large.write_bytes(os.urandom(17 << 20))
    for file in (small, large):
        objects.upload(file, f"a/{file.name}")
        assert objects.download(f"a/{file.name}", tmp_path / "back") == file.stat().st_size
        assert (tmp_path / "back").read_bytes() == file.read_bytes()
    objects.copy("a/small", "b/small")
    assert objects.list("a") == {"a/small": 3, "a/large": 17 << 20}
    objects.delete(["a/small", "a/large", "a/none"])
    assert bucket.listed() == ["some where/é/b/small"]


def test_more_objects_than_one_page_of_a_list(bucket: Bucket) -> None:
    objects = opened(bucket)
    keys = [f"many/{number:04d}" for number in range(1_003)]
    for key in keys:
        objects.create(key, b"")
    assert sorted(objects.list("many")) == keys
    objects.delete(keys)
    assert bucket.listed() == []


def test_only_the_first_writer_creates(bucket: Bucket) -> None:
    objects = opened(bucket)
    assert objects.create("card", b"first")
    assert objects.create("card", b"first"), "a call that was repeated is no second writer"
    assert not objects.create("card", b"second")
    assert objects.read("card") == b"first"


def test_only_the_content_that_was_seen_is_replaced(bucket: Bucket, tmp_path: Path) -> None:
    folder = open_objects(StorePlace.of(f"file://{tmp_path}/store", {}))
    for objects in (opened(bucket), folder):
        objects.create("card", b"first")
        assert objects.replace("card", b"first", b"second")
        assert not objects.replace("card", b"first", b"third")
        assert objects.read("card") == b"second"
        objects.delete(["card"])
        assert not objects.replace("card", b"second", b"third")
        assert objects.list("") == {}


@pytest.mark.parametrize(
    ("between", "replaced"), [(b"other", False), (b"mine", True), (None, False)]
)
def test_who_writes_between_look_and_replacement_is_noticed(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, between: bytes | None, replaced: bool
) -> None:
    """The store compares once more; what is ours there is that of a call that was repeated."""
    objects = opened(bucket)
    objects.create("card", b"first")
    put = obstore.put

    def late(*arguments: Any, **options: Any) -> Any:
        monkeypatch.undo()
        other = opened(bucket)
        other.delete(["card"])
        if between is not None:
            other.create("card", between)
        return put(*arguments, **options)

    monkeypatch.setattr(obstore, "put", late)
    assert objects.replace("card", b"first", b"mine") is replaced
    assert list(objects.list("")) == ([] if between is None else ["card"])
    assert between is None or objects.read("card") == between


def refused(objects: Objects) -> PenstockError:
    with pytest.raises(PenstockError) as caught:
        objects.list("a")
    assert SECRET not in f"{caught.value} {caught.value.to_dict()}"
    assert caught.value.__cause__ is None
    return caught.value


def test_a_missing_bucket_is_a_wrong_setting(bucket: Bucket, tmp_path: Path) -> None:
    bucket.name = "nosuchbucket"
    error = refused(opened(bucket))
    assert isinstance(error, ConfigError)
    assert error.code == "staging.no_bucket"
    (tmp_path / "file").write_bytes(b"x")
    with pytest.raises(ConfigError, match="does not exist"):
        opened(bucket).upload(tmp_path / "file", "a")


def test_a_missing_object_is_damage(bucket: Bucket) -> None:
    with pytest.raises(InternalError) as caught:
        opened(bucket).read("a/b")
    assert caught.value.code == "staging.damaged"


def test_a_store_that_is_away_is_waited_for_and_then_told(bucket: Bucket) -> None:
    with socket.socket() as taken:
        # Bound and not listening: every connection is refused.
        taken.bind(("127.0.0.1", 0))
        error = refused(
            opened(bucket, AWS_ENDPOINT_URL=f"http://127.0.0.1:{taken.getsockname()[1]}")
        )
    assert isinstance(error, StagingAway)
    assert (error.code, error.exit_code) == ("staging.unreachable", 75)


def test_refused_credentials_are_the_users(bucket: Bucket) -> None:
    with refusing(403, "SignatureDoesNotMatch") as url:
        error = refused(opened(bucket, AWS_ENDPOINT_URL=url))
    assert isinstance(error, AuthError)
    assert error.code == "staging.auth"
    assert "SignatureDoesNotMatch" in error.message


@pytest.mark.parametrize(
    ("variables", "code"),
    [
        ({"AWS_ENDPOINT_URL": "http://store.example"}, "staging.plain_http"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "staging.settings"),
    ],
)
def test_settings_that_cannot_work(
    bucket: Bucket, variables: Mapping[str, str], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY", raising=False)
    with pytest.raises(ConfigError) as caught:
        opened(bucket, **variables)
    assert caught.value.code == code


def test_plain_http_to_others_needs_a_word(bucket: Bucket) -> None:
    assert opened(bucket, AWS_ENDPOINT_URL="http://store.example", AWS_ALLOW_HTTP="true")
