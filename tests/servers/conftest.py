"""One pair of mail servers for all tests of this folder, since the machine has one queue for opensmtpd; and one of each other server."""

from tests.servers.atproto import atproto
from tests.servers.mailservers import mailservers
from tests.servers.nostrrelay import nostr_relay
from tests.servers.synapse import synapse
from tests.servers.wordpress import wordpress

__all__ = ["atproto", "mailservers", "nostr_relay", "synapse", "wordpress"]
