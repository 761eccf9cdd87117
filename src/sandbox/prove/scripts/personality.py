libc.personality.argtypes = [ctypes.c_ulong]
NO_RANDOMIZE, READ_IMPLIES_EXEC = 0x40000, 0x400000
def change(to):
    if libc.personality(to) < 0:
        raise OSError(ctypes.get_errno(), "")
in_child("turn off the randomisation of addresses", change, NO_RANDOMIZE)
in_child("make all memory executable", change, READ_IMPLIES_EXEC)
blocked()
