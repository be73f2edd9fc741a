"""What leaves Parley beside the platforms."""
