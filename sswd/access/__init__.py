"""EPICS access security files (ACF): read, and decided for one client. Pure.

    lexer    text -> words, with macros
    acf      words -> groups and rules, or all that is wrong in words
    calc     the expressions of CALC
    rules    what a client may do by the groups, the rules and the inputs of now

The grammar and the decisions are those of EPICS base 7 (libCom's asLib), checked
against it in tests/unit/access. What Channel Access cannot know (METHOD, AUTHORITY,
PROTOCOL, RPC) is refused in words.
"""

from sswd.access.acf import Acf, read_acf
from sswd.access.rules import READ, WRITE, Granted, Rules, Who

__all__ = ["READ", "WRITE", "Acf", "Granted", "Rules", "Who", "read_acf"]
