"""One pair of mail servers for all tests of this folder, since the machine has one queue for opensmtpd; and one homeserver."""

from tests.servers.mailservers import mailservers
from tests.servers.synapse import synapse

__all__ = ["mailservers", "synapse"]
