# The 32-bit way into the kernel has other numbers, which a rule for 64 bits does not match: 310 is unshare(2) there.
# It is asked for a user namespace.
import mmap
if os.uname().machine != "x86_64":
    cannot("this processor has no other way into the kernel")
code = bytes([0xb8]) + (310).to_bytes(4, "little") + bytes([0xbb]) + (0x10000000).to_bytes(4, "little") + b"\xcd\x80\xc3"
try:
    page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
except OSError as error:
    cannot("no memory is executable: " + str(error))
page.write(b"\x53" + code[:-1] + b"\x5b\xc3")
enter = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))
def call_it():
    result = enter()
    if result < 0:
        raise OSError(-result, "")
in_child("make a namespace by int 0x80", call_it)
blocked()
