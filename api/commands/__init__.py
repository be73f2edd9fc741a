"""What `parley …` does, one module for each noun."""
