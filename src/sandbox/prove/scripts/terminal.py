import fcntl, termios
if not hasattr(termios, "TIOCSTI"):
    cannot("this Python does not know TIOCSTI")
def type_in():
    leader, follower = os.openpty()
    os.setsid()
    fcntl.ioctl(follower, termios.TIOCSCTTY, 0)
    # What a shell would read as typed by the user.
    fcntl.ioctl(follower, termios.TIOCSTI, b"x")
in_child("type into the terminal", type_in)
blocked()
