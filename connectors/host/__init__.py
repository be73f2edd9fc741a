"""What runs the connectors: streams into the inbox, replies out of it, timers. `connectors.runner` is the way in."""
