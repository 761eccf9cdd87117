# No module is given: one who may load some is told so.
if call("finit_module", -1, b"", 0) is not None or errno.errorcode[ctypes.get_errno()] in ("EBADF", "ENOEXEC"):
    escaped("load a module into the kernel")
# 10 asks for the size of the log, 3 for the log.
if hasattr(libc, "klogctl") and checked(libc.klogctl(3, ctypes.create_string_buffer(64), 64)) is not None:
    escaped("read the log of the kernel")
if hasattr(libc, "fanotify_init") and checked(libc.fanotify_init(0, 0)) is not None:
    escaped("watch every file of the machine")
blocked()
