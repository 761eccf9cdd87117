parameters = (ctypes.c_uint32 * 30)()
if call("io_uring_setup", 1, parameters) is not None:
    escaped("do what no filter of system calls sees")
blocked()
