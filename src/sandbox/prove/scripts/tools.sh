tried=
has() { command -v "$1" >/dev/null 2>&1 && tried=1; }
has bash && try 'connect with bash' timeout 2 bash -c ': < "/dev/tcp/127.0.0.1/$0"' "$PROVE_TCP"
has curl && try 'connect with curl' curl -sS -m 1 --noproxy '*' -o /dev/null "http://127.0.0.1:$PROVE_TCP/"
has nc && try 'connect with nc' timeout 2 nc -z 127.0.0.1 "$PROVE_TCP"
has perl && try 'connect with perl' perl -MIO::Socket::INET -e \
  'exit !IO::Socket::INET->new(PeerAddr => "127.0.0.1", PeerPort => $ARGV[0]) || die "$!\n"' "$PROVE_TCP"
[ -n "$tried" ] || cannot 'none of bash, curl, nc and perl is there'
blocked
