for process in /proc/self /proc/1 /proc/$PPID /proc/$PROVE_PID /proc/[0-9]*; do
  for way in root cwd cwd/../../.. cwd/../../../.. fd/0 fd/3 fd/4 fd/5 fd/6; do
    file=$process/$way$PROVE_DIR/secret
    [ -e "$file" ] && try "read $PROVE_DIR/secret by way of $process/$way" cat "$file"
  done
done
for way in /proc/1/root /proc/self/root /proc/$PPID/cwd /proc/$PPID/fd/0; do
  try "read by way of $way" cat "$way$PROVE_DIR/secret"
done
blocked
