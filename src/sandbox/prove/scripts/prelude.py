# What every attempt in Python begins with. The last line of an attempt is its verdict.
import errno, os, sys

said = []

def end(*words):
    print(*words, flush=True)
    os._exit(0)

def escaped(what):
    end("ESCAPED", what)

def cannot(why):
    end("CANNOT_TRY", why)

try:
    import ctypes
except ImportError:
    cannot("this Python has no ctypes")

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
secret = os.environ["PROVE_MARK"][::-1]
folder = os.environ["PROVE_DIR"]

def started(process):
    with open("/proc/%d/stat" % process) as stat:
        return stat.read().rsplit(") ", 1)[1].split()[19]

# A process of the machine. A process inside may by chance have its number: then one that nobody has.
pid = int(os.environ["PROVE_PID"])
try:
    if started(pid) != os.environ["PROVE_STARTED"]:
        pid = (1 << 22) - 1
except OSError:
    pass
# Whose insides are nobody's business; in a box the daemon too.
others = {pid, 1, os.getppid()} if "PROVE_INSIDE" in os.environ else {pid}

# The numbers of system calls that are older than 2019 differ by machine.
CALLS = {
    "x86_64": dict(bpf=321, perf_event_open=298, userfaultfd=323, keyctl=250, add_key=248, request_key=249,
                   finit_module=313, kcmp=312, ioprio_set=251, clone=56),
    "aarch64": dict(bpf=280, perf_event_open=241, userfaultfd=282, keyctl=219, add_key=217, request_key=218,
                    finit_module=273, kcmp=272, ioprio_set=30, clone=220),
}.get(os.uname().machine, {})
CALLS.update(pidfd_send_signal=424, io_uring_setup=425, open_tree=428, move_mount=429, fsopen=430, pidfd_open=434,
             clone3=435, pidfd_getfd=438, mount_setattr=442, fchmodat2=452)

def note(code):
    name = code if isinstance(code, str) else errno.errorcode.get(code, str(code))
    if name not in said:
        said.append(name)

def call(name, *arguments):
    """The result of a system call, or None where it is refused."""
    if name not in CALLS:
        cannot("the number of %s is not known on this machine" % name)
    as_long = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return checked(libc.syscall(ctypes.c_long(CALLS[name]), *as_long))

def checked(result):
    if result >= 0:
        return result
    note(ctypes.get_errno())
    return None

def attempt(what, function, *arguments, **named):
    """Something that is an escape where it succeeds."""
    try:
        result = function(*arguments, **named)
    except OSError as error:
        note(error.errno if error.errno is not None else str(error))
        return
    if result is not None:
        escaped(what)

def done(what, function, *arguments, **named):
    """The same for a function that gives nothing back."""
    attempt(what, lambda: function(*arguments, **named) or True)

def in_child(what, function, *arguments):
    """In a process of its own, which may be killed for it."""
    import signal
    child = os.fork()
    if child == 0:
        try:
            function(*arguments)
            os._exit(0)
        except OSError as error:
            os._exit(error.errno or 255)
        except BaseException:
            os._exit(255)
    status = os.waitpid(child, 0)[1]
    if os.WIFSIGNALED(status):
        note(signal.Signals(os.WTERMSIG(status)).name)
    elif os.WEXITSTATUS(status) == 0:
        escaped(what)
    else:
        note(os.WEXITSTATUS(status))

def blocked():
    end("BLOCKED", ",".join(said))
