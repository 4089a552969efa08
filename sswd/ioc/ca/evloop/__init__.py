"""The event loop, when circuits send, and tasks that start at once."""
