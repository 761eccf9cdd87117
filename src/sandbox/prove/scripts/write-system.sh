for place in /usr/bin /usr/lib /usr/local/bin /etc /etc/ssl/certs /lib /opt /boot /root /var/spool/cron; do
  name=$place/.agentscope-prove-$$
  try "make a file in $place" sh -c ': > "$0" && rm "$0"' "$name"
done
blocked
