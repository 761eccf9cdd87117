# What every attempt in sh begins with. The last line of an attempt is its verdict.
said=
escaped() { echo "ESCAPED $*"; exit 0; }
cannot() { echo "CANNOT_TRY $*"; exit 0; }
note() {
  case $1 in
  *'No such file'* | *'no such file'* | *nonexistent* | *'not found'*) word=ENOENT ;;
  *'Permission denied'*) word=EACCES ;;
  *'not permitted'*) word=EPERM ;;
  *'Read-only'*) word=EROFS ;;
  *busy*) word=EBUSY ;;
  *ross-device*) word=EXDEV ;;
  *refused* | *'o connect to'*) word=ECONNREFUSED ;;
  *unreachable*) word=ENETUNREACH ;;
  *'Not a directory'*) word=ENOTDIR ;;
  *) word=$(printf %s "$1" | tail -n 1) ;;
  esac
  case ",$said," in *",$word,"*) ;; *) said=${said:+$said,}$word ;; esac
}
# Runs the rest as a command; what it says when it fails is why.
try() {
  what=$1
  shift
  if out=$("$@" 2>&1); then escaped "$what"; fi
  note "$out"
}
blocked() { echo "BLOCKED $said"; }
