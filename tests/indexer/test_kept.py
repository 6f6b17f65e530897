"""What is kept is read whole and of the same source, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from indexer import kept


@pytest.mark.parametrize("content", [b"", b"x", b"long" * 1000])
def test_what_was_saved_is_read_again(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "new" / "folder" / "file"
    for written in (b"before", content):
        kept.save(path, "source 1", written)
        assert kept.load(path, "source 1") == written
    assert kept.load(path, "source 2") is None
    assert [p.name for p in path.parent.iterdir()] == ["file"]


def test_damaged_files_are_not_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    kept.save(path, "source", b"content")
    whole = path.read_bytes()
    for at in range(len(whole)):
        for damaged in (whole[:at], whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :], whole + b"\0"):
            path.write_bytes(damaged)
            assert kept.load(path, "source") is None
    assert (kept.load(tmp_path, "source"), kept.load(tmp_path / "none", "source")) == (None, None)


def test_what_cannot_be_written_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError):  # noqa: PT011
        kept.save(tmp_path / "file", "source", b"content")
    assert list(tmp_path.iterdir()) == []
