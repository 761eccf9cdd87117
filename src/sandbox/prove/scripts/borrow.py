pidfd = call("pidfd_open", pid, 0)
if pidfd is not None and call("pidfd_getfd", pidfd, 0, 0) is not None:
    escaped("take an open file of a process of the machine")
for target in others:
    # That there is a descriptor of this number is nobody's secret where processes can be seen at all.
    for folder in ("fd", "map_files", "task/%d/fd" % target):
        try:
            names = os.listdir("/proc/%d/%s" % (target, folder))[:8]
        except OSError as error:
            note(error.errno)
            names = ["0"]
        for name in names:
            path = "/proc/%d/%s/%s" % (target, folder, name)
            attempt("see what process %d has open" % target, os.readlink, path)
            attempt("open what process %d has open" % target, os.open, path, os.O_RDONLY | os.O_NONBLOCK)
    attempt("see the program of process %d" % target, os.readlink, "/proc/%d/exe" % target)
    attempt("see the folder of process %d" % target, os.readlink, "/proc/%d/cwd" % target)
blocked()
