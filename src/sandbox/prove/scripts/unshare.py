FLAGS = dict(user=0x10000000, mount=0x20000, process=0x20000000, network=0x40000000, ipc=0x8000000,
             host=0x4000000, cgroup=0x2000000)
SIGCHLD = 17
for name, flag in FLAGS.items():
    def make():
        if libc.unshare(flag) != 0:
            raise OSError(ctypes.get_errno(), "")
    in_child("make a %s namespace" % name, make)
    child = call("clone", flag | SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    if child is not None:
        os.waitpid(child, 0)
        escaped("start a process in a %s namespace" % name)
arguments = (ctypes.c_uint64 * 11)()
arguments[0], arguments[4] = FLAGS["user"], SIGCHLD
child = call("clone3", arguments, 88)
if child == 0:
    os._exit(0)
if child is not None:
    os.waitpid(child, 0)
    escaped("start a process in a user namespace by clone3")
blocked()
