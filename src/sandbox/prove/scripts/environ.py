own = os.getpid()
for name in os.listdir("/proc"):
    if name.isdigit() and int(name) != own:
        for file in ("environ", "cmdline"):
            try:
                with open("/proc/%s/%s" % (name, file), "rb") as text:
                    if secret.encode() in text.read():
                        escaped("read a secret in the environment of process " + name)
            except OSError as error:
                note(error.errno)
if secret in "".join(os.environ.values()):
    escaped("read a secret in the own environment")
note("not to be seen")
blocked()
