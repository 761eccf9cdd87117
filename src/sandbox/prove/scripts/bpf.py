# An array of one number.
attributes = (ctypes.c_uint32 * 18)(2, 4, 4, 1)
if call("bpf", 0, attributes, 72) is not None:
    escaped("load code into the kernel")
blocked()
