"""How long people wait for us: the one clock."""
