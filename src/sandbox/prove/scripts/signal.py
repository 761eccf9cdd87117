import fcntl, signal
done("kill a process of the machine", os.kill, pid, signal.SIGKILL)
done("see a process of the machine", os.kill, pid, 0)
pidfd = call("pidfd_open", pid, 0)
if pidfd is not None:
    call("pidfd_send_signal", pidfd, 9, None, 0) is not None and escaped("kill it by its descriptor")
# The kernel sends a signal for us when a pipe has something to read.
read, write = os.pipe()
try:
    fcntl.fcntl(read, fcntl.F_SETOWN, pid)
    fcntl.fcntl(read, 10, signal.SIGKILL)
    fcntl.fcntl(read, fcntl.F_SETFL, os.O_ASYNC | os.O_NONBLOCK)
    os.write(write, b"x")
except OSError as error:
    note(error.errno)
blocked()
