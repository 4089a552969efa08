"""The program `sswd-supervisor-events`, an event listener of supervisord.

    program     asks all daemons at each event, has those restarted that do not answer
    events      supervisord's protocol for event listeners
    daemons     which daemons there are, and whether they answer
    patience    after how many questions without an answer a daemon is restarted
    rpc         what supervisord is asked and told

It may run in another environment than supervisord itself: it needs nothing of it.
"""

from sswd.supervisord.program import main

__all__ = ["main"]
