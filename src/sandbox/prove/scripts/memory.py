class Vector(ctypes.Structure):
    _fields_ = [("base", ctypes.c_void_p), ("size", ctypes.c_size_t)]

mine = ctypes.create_string_buffer(8)
for target in others:
    address = 4096
    try:
        with open("/proc/%d/maps" % target) as maps:
            address = int((maps.readline() or "1000-").split("-")[0], 16)
    except OSError as error:
        note(error.errno)
    try:
        memory = os.open("/proc/%d/mem" % target, os.O_RDWR)
        escaped("open the memory of process %d, and read %d bytes" % (target, len(os.pread(memory, 8, address))))
    except OSError as error:
        note(error.errno)
    local, remote = Vector(ctypes.addressof(mine), 8), Vector(address, 8)
    if checked(libc.process_vm_readv(target, ctypes.byref(local), 1, ctypes.byref(remote), 1, 0)) is not None:
        escaped("read the memory of process %d by a system call" % target)
blocked()
