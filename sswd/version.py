"""The version of sswd: what the wheel has, and what sswd tells of itself."""

__version__ = "0.1.0"
