"""What was said, and who owes an answer. Knows no web framework, no platform and no HTML."""
