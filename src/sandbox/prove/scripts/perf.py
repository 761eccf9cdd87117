# The clock of this process, and that of the whole machine.
for target, processor in ((0, -1), (-1, 0)):
    attributes = (ctypes.c_uint32 * 32)(1, 128)
    if call("perf_event_open", attributes, target, processor, -1, 0) is not None:
        escaped("count events of the processor")
blocked()
