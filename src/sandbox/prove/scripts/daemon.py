# The daemon obeys whoever has its token.
import glob, hashlib, re, socket, struct
wanted = os.environ.get("PROVE_TOKEN", "")
def look(path):
    try:
        with open(path, "rb") as file:
            for word in re.findall(rb"[0-9a-f]{64}", file.read(1 << 20)):
                if hashlib.sha256(word).hexdigest() == wanted:
                    escaped("read the token of the daemon in " + path)
    except OSError as error:
        note(error.errno)
for path in (glob.glob("/proc/[0-9]*/environ") + glob.glob("/proc/[0-9]*/cmdline") + [os.environ["PROVE_BOX"] + "/token"]
             + glob.glob("/run/*") + glob.glob("/tmp/*") + glob.glob("*")):
    look(path)

def ask(connection, target):
    connection.settimeout(1)
    connection.connect(target)
    for token in ("", "Authorization: Bearer \r\n", "Authorization: Bearer %s\r\n" % ("0" * 64)):
        connection.sendall(("GET /v1/info HTTP/1.1\r\nHost: box\r\n%s\r\n" % token).encode())
        answer = connection.recv(1024)
        if b" 200 " in answer.split(b"\r\n", 1)[0]:
            escaped("command the daemon at %s without its token" % (target,))
        note("HTTP " + answer.split(b" ")[1].decode() if b" " in answer else "no answer")

targets = []
try:
    for line in open("/proc/net/tcp").read().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A":
            targets.append((socket.AF_INET, ("127.0.0.1", int(fields[1].split(":")[1], 16))))
    for line in open("/proc/net/unix").read().splitlines()[1:]:
        fields = line.split()
        if len(fields) > 7 and fields[3] == "00010000":
            name = fields[7]
            targets.append((socket.AF_UNIX, "\0" + name[1:] if name.startswith("@") else name))
except OSError as error:
    note(error.errno)
if "PROVE_INSIDE" in os.environ:
    for family, target in targets:
        try:
            ask(socket.socket(family), target)
        except (OSError, IndexError) as error:
            note(getattr(error, "errno", None) or "no answer")
blocked()
