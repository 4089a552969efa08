"""The server: listening sockets, search, beacons, the end of clients."""
