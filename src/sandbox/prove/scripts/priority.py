import resource
done("limit a process of the machine", resource.prlimit, pid, resource.RLIMIT_NOFILE, (64, 64))
done("slow down a process of the machine", os.setpriority, os.PRIO_PROCESS, pid, 19)
done("choose its processor", os.sched_setaffinity, pid, {0})
done("choose its scheduler", os.sched_setscheduler, pid, os.SCHED_BATCH, os.sched_param(0))
if call("ioprio_set", 1, pid, 3 << 13) is not None:
    escaped("slow down its disk")
blocked()
