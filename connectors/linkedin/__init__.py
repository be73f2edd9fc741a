"""LinkedIn: the comments under an organization's posts.

https://learn.microsoft.com/en-us/linkedin/marketing/community-management/shares/comments-api
"""

from connectors.linkedin.connector import LinkedIn

__all__ = ["LinkedIn"]
