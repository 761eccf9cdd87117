own = os.open("/proc/self/fd", os.O_RDONLY)
for name in os.listdir(own):
    if int(name) > 2 and int(name) != own:
        try:
            target = os.readlink("/proc/self/fd/" + name)
        except FileNotFoundError:
            continue
        escaped("use the open file " + target)
for number in range(3):
    target = os.readlink("/proc/self/fd/%d" % number)
    if not target.startswith(("pipe:", "/dev/null", "/dev/pts", "socket:")):
        escaped("use the open file " + target)
said.append("only 0, 1 and 2 are open")
blocked()
