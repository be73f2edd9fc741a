"""What helps to answer: templates."""
