path, fresh = "prove-setuid", "prove-setuid-new"
open(path, "w").close()
def is_set(name):
    return bool(os.stat(name).st_mode & 0o6000) or None
def by(function, *arguments):
    function(*arguments)
    return is_set(path)
def new():
    os.close(os.open(fresh, os.O_CREAT | os.O_WRONLY, 0o6755))
    return is_set(fresh)
attempt("set the bit by chmod", by, os.chmod, path, 0o6755)
attempt("set the bit by fchmod", lambda: by(os.fchmod, os.open(path, os.O_RDONLY), 0o4755))
attempt("make a file with it", new)
attempt("make a node with it", lambda: (os.mknod("prove-node", 0o104755), is_set("prove-node"))[1])
call("fchmodat2", -100, path.encode(), 0o4755, 0) is not None and is_set(path) and escaped("set the bit by fchmodat2")
how = (ctypes.c_uint64 * 3)(os.O_CREAT | os.O_WRONLY, 0o4755, 0)
if checked(libc.syscall(437, -100, b"prove-openat2", how, 24)) is not None and is_set("prove-openat2"):
    escaped("make a file with it by openat2")
for name in (path, fresh, "prove-node", "prove-openat2"):
    if os.path.exists(name):
        os.unlink(name)
blocked()
