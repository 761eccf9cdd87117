if os.uname().machine != "x86_64":
    cannot("this processor has no x32")
# getpid(2) by its x32 number.
if checked(libc.syscall(ctypes.c_long(0x40000000 + 39))) is not None:
    escaped("reach the kernel by an x32 call")
blocked()
