import fcntl, struct
GETFLAGS, SETFLAGS, IMMUTABLE, APPEND = 0x80086601, 0x40086602, 0x10, 0x20
file = os.open("attributes", os.O_CREAT | os.O_RDWR, 0o600)
def flag(bit):
    flags = struct.unpack("l", fcntl.ioctl(file, GETFLAGS, struct.pack("l", 0)))[0]
    fcntl.ioctl(file, SETFLAGS, struct.pack("l", flags | bit))
    fcntl.ioctl(file, SETFLAGS, struct.pack("l", flags))
    return True
attempt("make a file that root cannot delete", flag, IMMUTABLE)
attempt("make a file that can only grow", flag, APPEND)
done("set an attribute of the administrator", os.setxattr, file, "trusted.prove", b"1")
capability = struct.pack("<IIIII", 0x02000001, 0xffffffff, 0, 0xffffffff, 0)
done("give a program capabilities", os.setxattr, file, "security.capability", capability)
os.unlink("attributes")
blocked()
