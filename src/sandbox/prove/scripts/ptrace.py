ATTACH, SEIZE, DETACH, WALL = 16, 0x4206, 17, 0x40000000
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long
for target in others:
    for request in (SEIZE, ATTACH):
        if checked(libc.ptrace(request, target, None, None)) is not None:
            if request == ATTACH:
                os.waitpid(target, WALL)
            libc.ptrace(DETACH, target, None, None)
            escaped("trace process %d" % target)
blocked()
