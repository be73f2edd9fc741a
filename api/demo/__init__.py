"""The demonstration workspace: how it is seeded, signed in to, and seen from the customer's side."""
