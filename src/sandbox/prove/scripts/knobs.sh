# Opened for writing and closed again: nothing is written, so that nothing happens where it succeeds.
for file in /proc/sys/kernel/core_pattern /proc/sysrq-trigger /proc/sys/kernel/modprobe /proc/sys/kernel/hotplug \
  /proc/sys/vm/drop_caches /proc/sys/fs/binfmt_misc/register /proc/irq/default_smp_affinity /proc/acpi/wakeup \
  /sys/kernel/uevent_helper /sys/kernel/mm/ksm/run /sys/kernel/security/apparmor/.load /sys/power/state \
  /sys/kernel/debug/tracing/kprobe_events /sys/fs/cgroup/cgroup.procs /sys/fs/cgroup/*/release_agent \
  /sys/fs/cgroup/*/tasks; do
  try "open $file for writing" sh -c ': >> "$0"' "$file"
done
blocked
