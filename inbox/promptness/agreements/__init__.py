"""What a workspace promises its customers: made, changed and taken back by its supervisors, and kept true for everybody who waits."""
