"""Runs the command in its arguments in the foreground of a terminal: $TERMINAL."""

import fcntl
import os
import sys
import termios

terminal = os.open(os.environ["TERMINAL"], os.O_RDWR | os.O_NOCTTY)
os.setsid()
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
os.dup2(terminal, 0)
os.close(terminal)
os.execv(sys.executable, [sys.executable, *sys.argv[1:]])
