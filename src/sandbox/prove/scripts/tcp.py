import socket
port = int(os.environ["PROVE_TCP"])
for family, address in ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET, "0.0.0.0"), (socket.AF_INET6, "::ffff:127.0.0.1")):
    try:
        connection = socket.socket(family, socket.SOCK_STREAM)
        connection.settimeout(2)
    except OSError as error:
        note(error.errno)
        continue
    done("connect to %s port %d of the machine" % (address, port), connection.connect, (address, port))
blocked()
