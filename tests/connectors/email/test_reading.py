"""Places, folders and what an IMAP server says."""

import pytest

from connectors.email import imap
from connectors.email.imap import Folder
from connectors.email.reading import Progress
from inbox.contract import CursorExpired


def test_a_cursor_is_read_as_it_was_written():
    progress = Progress()
    progress.advance(Folder("INBOX", 7, 12), 11)
    progress.advance(Folder("Sent", 8, 3), 2)
    assert Progress.read(progress.cursor()).places == progress.places


def test_a_place_never_goes_back_unless_the_folder_is_numbered_anew():
    progress = Progress()
    progress.advance(Folder("INBOX", 7, 12), 11)
    progress.advance(Folder("INBOX", 7, 12), 5)
    assert progress.places["INBOX"].uid == 11
    progress.advance(Folder("INBOX", 8, 12), 5)
    assert (progress.places["INBOX"].uidvalidity, progress.places["INBOX"].uid) == (8, 5)


@pytest.mark.parametrize(
    "cursor", ["", "nonsense", "[]", "12", '{"INBOX": 1}', '{"INBOX": {"uid": 1}}', '{"INBOX": {"uidvalidity": 1, "uid": 1, "day": "?"}}']
)
def test_a_cursor_that_cannot_be_read_counts_as_forgotten(cursor: str):
    with pytest.raises(CursorExpired):
        Progress.read(cursor)


@pytest.mark.parametrize(
    ("name", "encoded"),
    [
        ("INBOX", "INBOX"),
        ("Sent & kept", "Sent &- kept"),
        ("Entwürfe", "Entw&APw-rfe"),
        ("台北", "&U,BTFw-"),  # the example of RFC 3501
        ("~peter/mail/台北/日本語", "~peter/mail/&U,BTFw-/&ZeVnLIqe-"),
        ("😀", "&2D3eAA-"),
    ],
)
def test_folder_names_are_written_in_modified_utf_7(name: str, encoded: str):
    assert imap.folder_name(name) == encoded
