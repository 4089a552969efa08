"""What is kept over a restart of the IOC: its format, files, and thread."""
