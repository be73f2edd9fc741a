"""Every HTTP door, and start-up."""
