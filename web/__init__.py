"""What the browser sees. Rendering and assets, no routes."""
