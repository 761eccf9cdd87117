if grep -m 1 -v '^0* ' /proc/kallsyms 2>/dev/null | grep -q .; then escaped 'read addresses of the kernel in /proc/kallsyms'; fi
note "$(cat /proc/kallsyms 2>&1 >/dev/null | head -n 1)"
for file in /proc/kcore /proc/kmsg /dev/kmsg /proc/vmallocinfo /proc/slabinfo /proc/timer_list; do
  try "open $file" sh -c ': < "$0" && timeout 1 head -c 1 "$0" | grep -q .' "$file"
done
blocked
