status = dict(line.split(":\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\t" in line)
for name in ("CapInh", "CapPrm", "CapEff", "CapAmb"):
    if int(status.get(name, "0"), 16):
        escaped("use capabilities: %s is %s" % (name, status[name]))
# PR_GET_NO_NEW_PRIVS. Not every kernel shows it in /proc.
if libc.prctl(39, 0, 0, 0, 0) != 1:
    escaped("gain privileges by a setuid program: no_new_privs is not set, and CapBnd is " + status["CapBnd"])
done("become root", os.setuid, 0)
done("join the group of root", os.setgid, 0)
done("join groups", os.setgroups, [0])
note("no_new_privs")
blocked()
