import socket
for name, arguments in (
    ("of ICMP", (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)),
    ("of raw IP", (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)),
    ("of raw IPv6", (socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)),
    ("of whole frames", (socket.AF_PACKET, socket.SOCK_RAW, 0)),
):
    attempt("open a socket " + name, socket.socket, *arguments)
blocked()
