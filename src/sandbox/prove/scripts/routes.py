# Connecting a datagram socket looks for a way and sends nothing.
import socket
for address in ("169.254.169.254", "100.100.100.200", "168.63.129.16", "10.0.0.1", "172.17.0.1", "192.168.0.1",
                "192.0.2.1", "fd00:ec2::254", "2001:db8::1"):
    try:
        udp = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
    except OSError as error:
        note(error.errno)
        continue
    done("find a way to " + address, udp.connect, (address, 80))
blocked()
