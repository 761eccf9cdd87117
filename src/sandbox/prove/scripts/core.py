# A pipe in core_pattern starts a program outside as root for each crash, whatever the limit says, unless it is 1. See
# core(5).
import resource

def held():
    return resource.getrlimit(resource.RLIMIT_CORE) == (1, 1)

try:
    with open("/proc/sys/kernel/core_pattern") as pattern:
        started = pattern.read(1) == "|"
except OSError as error:
    # A kernel that has no such file starts nothing, as gVisor's.
    started = error.errno != errno.ENOENT
    note(error.errno)
if not held() and started:
    escaped("start a program outside by a crash: the limit is %s, %s" % resource.getrlimit(resource.RLIMIT_CORE))
for wanted in (0, 4096):
    try:
        resource.setrlimit(resource.RLIMIT_CORE, (wanted, wanted))
        note("ignored" if held() else "no program is started here")
    except (OSError, ValueError):
        note("EPERM")
    if started and not held():
        escaped("start a program outside by a crash after a change of the limit")
blocked()
