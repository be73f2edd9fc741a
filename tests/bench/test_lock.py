"""The lock files."""

import pytest

from bench.lock import check, locks


@pytest.mark.parametrize("path", locks(), ids=lambda path: path.stem)
def test_every_pinned_dependency_has_a_hash_and_no_address(path):
    assert check(path.name, path.read_text()) == []


def test_an_address_or_a_missing_hash_is_found():
    lock = "--index-url https://example.org/simple\na==1 \\\n    --hash=sha256:00\nb==2\n"
    assert len(check("x", lock)) == 3
