"""A driver that needs what is not installed."""

import missing_dependency  # noqa: F401
