"""The command line that all peers take."""

import argparse


def parse() -> argparse.Namespace:
    """pvs, systems, images and secs, after which the server ends by itself."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pvs", type=int, default=10)
    parser.add_argument("--systems", type=int, default=1)
    parser.add_argument("--images", action="store_true")
    parser.add_argument("--secs", type=float, default=120.0)
    return parser.parse_args()


def prefix_of(system: int) -> str:
    """What stands before CMD and ACK of the given system: "", "S1:", ..."""
    return f"S{system}:" if system else ""
