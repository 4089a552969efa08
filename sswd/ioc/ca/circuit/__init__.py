"""One client's TCP connection: what it asks and what it is sent."""
