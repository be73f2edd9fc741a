"""What may be done to a comment (https://developer.wordpress.org/rest-api/reference/comments/#update-a-comment)."""

from inbox.contract import Action

STATES = {Action.APPROVE: "approved", Action.UNHIDE: "approved", Action.HIDE: "hold", Action.SPAM: "spam"}
CONSEQUENCES = {
    Action.HIDE: "It waits for approval again: only those who moderate the site see it.",
    Action.SPAM: "It goes to the site's spam, from where it can be brought back.",
    Action.DELETE: "It goes to the site's trash, from where it can be brought back; on a site without trash it is gone for good.",
}
