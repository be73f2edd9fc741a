"""One server of each kind for all tests of this folder; one pair of mail servers, since the machine has one queue for opensmtpd."""

from tests.servers.atproto import atproto
from tests.servers.mailservers import mailservers
from tests.servers.ngircd import ngircd
from tests.servers.nostrrelay import nostr_relay
from tests.servers.prosody import prosody
from tests.servers.synapse import synapse
from tests.servers.wordpress import wordpress

__all__ = ["atproto", "mailservers", "ngircd", "nostr_relay", "prosody", "synapse", "wordpress"]
