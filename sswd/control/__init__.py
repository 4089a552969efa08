"""The control socket: what its ends share, and the one that asks; no Channel Access.

protocol   the requests and answers, one JSON object a line
status     what `status` answers
places     where sockets are, and how a path that is too long is used
client     asks a daemon
finding    finds the one that is meant
holder     which process a socket belongs to that nobody serves
mends      what to do about a failure, by its words
outcome    what has become of a restart, start or stop
"""
