"""Private messages: a service of its own that the account's server passes requests on to.

Shapes: https://github.com/bluesky-social/atproto/tree/main/lexicons/chat/bsky. That service's software is not published: this was
written from those documents.
"""
