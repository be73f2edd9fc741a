"""Reddit: what is said in subreddits and to one account (https://www.reddit.com/dev/api)."""

from connectors.reddit.connector import Reddit

__all__ = ["Reddit"]
