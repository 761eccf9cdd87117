MS_RDONLY, MS_REMOUNT, MS_BIND = 1, 32, 4096
place = os.environ.get("TMPDIR", "/tmp").encode() + b"/prove-mount-%d" % os.getpid()
os.mkdir(place)

def mount(what, source, kind, flags, data=None):
    if checked(libc.mount(source, place, kind, flags, data)) is not None:
        libc.umount2(place, 2)
        os.rmdir(place)
        escaped(what)

mount("mount a tmpfs", b"none", b"tmpfs", 0)
mount("mount another /proc", b"none", b"proc", 0)
mount("mount one folder on another", b"/usr", None, MS_BIND)
mount("lay a writable layer over /usr", b"none", b"overlay", 0, b"lowerdir=/usr,upperdir=/tmp,workdir=/tmp")
if checked(libc.mount(None, b"/usr", None, MS_REMOUNT | MS_BIND, None)) is not None:
    escaped("make /usr writable")
# One who may unmount is told that there is nothing: EINVAL.
if libc.umount2(place, 2) == 0 or ctypes.get_errno() == errno.EINVAL:
    escaped("unmount")
note(ctypes.get_errno())
in_child("change the root folder", os.chroot, place)
os.rmdir(place)
blocked()
