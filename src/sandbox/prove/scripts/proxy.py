import socket
for name in [name for name in os.environ if name.lower().endswith("_proxy")]:
    del os.environ[name]
try:
    way = socket.create_connection(("localhost", int(os.environ["PROVE_TCP"])), timeout=1)
    escaped("reach a port of the machine without the proxy")
except OSError as error:
    note(error.errno or "no address")
blocked()
