# Nobody answers, so what arrives outside is what tells.
import socket
try:
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"hello", ("127.0.0.1", int(os.environ["PROVE_UDP"])))
    note("not delivered")
except OSError as error:
    note(error.errno)
blocked()
