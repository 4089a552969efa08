"""A posted value -> a value of our own that crosses the pipe: a snapshot.

The system may change its list or array right after `io_put`; and what cannot be sent
becomes an Unsendable, so that the IOC refuses, counts and tells it like any other. The
rules are in sswd.pipe.plain, because the IOC applies them to what is put in by hand.
"""

from sswd.pipe.plain import MAX_ARRAY, MAX_TEXT, plain_array, sayable
from sswd.pipe.plain import plain as freeze

__all__ = ["MAX_ARRAY", "MAX_TEXT", "freeze", "plain_array", "sayable"]
