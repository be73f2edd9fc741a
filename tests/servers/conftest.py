"""One pair of mail servers for all tests of this folder, since the machine has one queue for opensmtpd; one homeserver; one WordPress."""

from tests.servers.mailservers import mailservers
from tests.servers.synapse import synapse
from tests.servers.wordpress import wordpress

__all__ = ["mailservers", "synapse", "wordpress"]
