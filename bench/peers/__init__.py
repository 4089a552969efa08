"""The servers to be measured against; each file is a program of its own."""
