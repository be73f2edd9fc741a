"""HTML for people, under /w/{workspace_id}."""
