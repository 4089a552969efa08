"""RecSync: tells a RecCeiver, and so ChannelFinder, which PVs this IOC has.

    messages    bytes of the protocol, pure
    records     the PVs of this IOC as RecSync has them
    caster      waits for a RecCeiver's announcement, connects, tells, answers pings

Of our own, since pyreccaster 0.1 needs the announcements' UDP port for itself: a second
IOC on the host, as is the rule, ends in a panic.
"""
