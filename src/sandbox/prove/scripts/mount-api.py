AT_RECURSIVE, CLONE = 0x8000, 1
if call("fsopen", b"tmpfs", 0) is not None:
    escaped("open a file system")
if call("open_tree", -100, b"/usr", CLONE) is not None:
    escaped("copy a tree of mounts")
call("mount_setattr", -100, b"/usr", AT_RECURSIVE, (ctypes.c_uint64 * 4)(), 32) is not None and escaped("change mounts")
if call("move_mount", -100, b"/usr", -100, b"/tmp", 0) is not None:
    escaped("move a mount")
blocked()
