"""What Parley does to conversations by itself: the one room that may."""
