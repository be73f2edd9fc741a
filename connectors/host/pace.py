"""How long things may take, and how often the host looks."""

from dataclasses import dataclass

from inbox.conversations import outbox


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds, unless said otherwise. The defaults are for life; tests hurry.

    A send must end well before its lease does: what runs out with the lease would be tried again while it still may arrive.
    """

    channel_lease: float = 30.0
    look: float = 2.0  # for channels to take, and for replies when no wake-up comes
    check: float = 30.0
    standing: float = 10.0  # between two looks at quota and token, and between two writings of them
    settle: float = 5.0  # a stream that ran this long without a word works
    first_pause: float = 1.0  # after a failure; doubles
    longest_pause: float = 300.0
    send: float = 120.0  # a mail of 25 MB through 2 Mbit/s
    send_lease: float = outbox.LEASE
    gone: float = 10.0  # without a connection to the database, before a process counts as ended; a lost one is back after `look`
    ask_after: float = 15.0  # before the platform is asked what became of a reply
    ask_for: float = 3600.0
    give_up: float = 24 * 3600.0  # a reply that could not leave for so long has failed
    at_once: int = 64  # replies, in one process
    at_once_each: int = 8  # replies, of one channel
    tidy: float = 600.0
    oversee: float = 300.0  # silence, credentials that end, and comparisons that are due
    listing: float = 600.0  # of one post, while comparing
    comparing: float = 3600.0  # a whole channel
    sweep: float = 6 * 3600.0  # of files that belong to nothing: every file is looked at
    farewell: float = 3.0  # for sends that have begun, when the process ends
