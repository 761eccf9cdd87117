import socket
name = "\0" + os.environ["PROVE_ABSTRACT"]
try:
    done("connect to an abstract socket of the machine", socket.socket(socket.AF_UNIX).connect, name)
except OSError as error:
    note(error.errno)
try:
    one, _ = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    done("send to an abstract socket of the machine", one.sendto, b"hello", name + "-datagram")
except OSError as error:
    note(error.errno)
blocked()
