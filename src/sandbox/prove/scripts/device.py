import stat
for name, kind, number in [("disk", stat.S_IFBLK, os.makedev(254, 0)), ("memory", stat.S_IFCHR, os.makedev(1, 1))]:
    for place in [".", "/tmp", "/dev/shm"]:
        path = place + "/prove-" + name
        def make():
            os.mknod(path, kind | 0o600, number)
            os.unlink(path)
            return True
        attempt("make a device in " + place, make)
blocked()
