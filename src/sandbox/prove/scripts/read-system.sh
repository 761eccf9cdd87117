for file in /etc/shadow /etc/gshadow /etc/sudoers /etc/ssh/ssh_host_ed25519_key /root/.ssh/id_ed25519 \
  /root/.ssh/authorized_keys /var/lib/systemd/random-seed; do
  try "read $file" sh -c 'head -c 1 "$0"' "$file"
done
blocked
