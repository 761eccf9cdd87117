for flags in (0, 1):
    if call("userfaultfd", flags) is not None:
        escaped("stop the kernel at a page of ours")
attempt("open /dev/userfaultfd", os.open, "/dev/userfaultfd", os.O_RDWR)
blocked()
