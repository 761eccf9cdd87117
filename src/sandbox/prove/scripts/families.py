import socket
for name, family, kind, protocol in (
    ("a virtual machine's host", 40, socket.SOCK_STREAM, 0),
    ("the kernel's audit", 16, socket.SOCK_RAW, 9),
    ("the kernel's devices", 16, socket.SOCK_RAW, 15),
    ("the kernel's firewall", 16, socket.SOCK_RAW, 12),
    ("the kernel's ciphers", 38, 5, 0),
    ("Bluetooth", 31, socket.SOCK_RAW, 1),
    ("the bus of a car", 29, socket.SOCK_RAW, 1),
    ("the kernel's keys", 15, socket.SOCK_RAW, 2),
):
    attempt("open a socket to " + name, socket.socket, family, kind, protocol)
blocked()
