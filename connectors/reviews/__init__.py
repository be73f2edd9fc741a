"""What the platforms for reviews have in common: a review with stars, one answer to it, and a list with the newest first."""
