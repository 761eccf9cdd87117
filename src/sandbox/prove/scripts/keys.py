# The keyring of the session, and of the user, which every sandbox of one user would share.
for keyring in (-3, -4):
    if call("keyctl", 0, keyring, 1) is not None:
        escaped("use a keyring of the kernel")
if call("add_key", b"user", b"prove", b"x", 1, -2) is not None:
    escaped("keep a key in the kernel")
if call("request_key", b"user", b"prove", 0, 0) is not None:
    escaped("ask for a key")
blocked()
