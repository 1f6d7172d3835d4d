# Helpers shared by the server scripts beside this file; sourced, never run.
# SERVERS_HOME  cache of programs, data and pid files  (default ~/.cache/cairn-servers)
# SERVERS_WAIT  seconds to wait for a server to be ready (default 240)
set -euo pipefail
HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
SERVERS_HOME=${SERVERS_HOME:-$HOME/.cache/cairn-servers}
SERVERS_WAIT=${SERVERS_WAIT:-240}
BASE=$SERVERS_HOME/$NAME
PIDFILE=$BASE/$NAME.pid
LOG=$BASE/$NAME.log

say() { echo "$NAME: $*" >&2; }
die() { say "$*"; exit 1; }

# Some servers refuse to run as root. As root they run as `nobody`, from a folder that account can reach.
RUN=$BASE
AS=()
unprivileged() {
  [ "$(id -u)" != 0 ] && return 0
  RUN=${SERVERS_RUN:-/var/tmp/cairn-servers}/$NAME
  PIDFILE=$RUN/$NAME.pid
  LOG=$RUN/$NAME.log
  AS=(setpriv --reuid=nobody --regid=nogroup --clear-groups env "HOME=$RUN")
}
own() { [ "$(id -u)" != 0 ] || chown -R nobody:nogroup "$RUN"; }

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# The pid of our own server, if it still lives: the pid file's process must carry the mark its command line has.
our_pid() {
  local pid
  pid=$(head -n1 "$PIDFILE" 2>/dev/null | tr -dc 0-9) || return 1
  [ -n "$pid" ] && [ -r "/proc/$pid/cmdline" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qF -- "$MARK" && echo "$pid"
}

# True when our server is up already; refuses to go on when somebody else holds the port.
already_up() {
  if our_pid >/dev/null; then
    if ready; then say "already up (pid $(our_pid), port $PORT)"; else wait_ready; fi
    return 0
  fi
  if port_open "$PORT"; then die "port $PORT is held by another program"; fi
  return 1
}

wait_ready() {
  local t0=$SECONDS
  while ! ready; do
    if [ $((SECONDS - t0)) -gt 2 ] && ! our_pid >/dev/null; then tail -n 30 "$LOG" >&2 || true; die "ended before it was ready; see its log"; fi
    if [ $((SECONDS - t0)) -ge "$SERVERS_WAIT" ]; then tail -n 30 "$LOG" >&2 || true; die "not ready after $SERVERS_WAIT s"; fi
    sleep 0.5
  done
  say "ready on port $PORT after $((SECONDS - t0)) s (pid $(our_pid))"
}

# launch COMMAND...: in the background, in a session of its own, its pid in the pid file.
launch() {
  ( cd "$RUN"; exec setsid "${AS[@]}" "$@" ) >"$LOG" 2>&1 </dev/null 9>&- &
  echo $! >"$PIDFILE"
  disown
}

stop_by_pid() {
  local pid
  if ! pid=$(our_pid); then say "not running"; rm -f "$PIDFILE"; return 0; fi
  kill "${1:--TERM}" "$pid" 2>/dev/null || true
  for _ in $(seq 1 120); do [ -d "/proc/$pid" ] && ! grep -q '^State:.*Z' "/proc/$pid/status" 2>/dev/null || break; sleep 0.5; done
  if our_pid >/dev/null; then kill -KILL "$pid" 2>/dev/null || true; fi
  rm -f "$PIDFILE"
  say "stopped (pid $pid)"
}

# apt_have PROGRAM PACKAGE...: installs the packages unless the program is found.
# Nothing is started by the packages: the scripts start their own processes.
apt_have() {
  local program=$1; shift
  PATH=$PATH:/usr/sbin:/sbin command -v "$program" >/dev/null && return 0
  say "installing $*"
  local sudo=(); [ "$(id -u)" = 0 ] || sudo=(sudo -n)
  "${sudo[@]}" apt-get update -qq
  "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Java 17 or newer and Maven.
java_have() {
  apt_have java openjdk-17-jre-headless
  apt_have mvn maven
}

# maven_copy POM FOLDER: what the pom depends on goes to FOLDER/lib, once per content of the pom.
maven_copy() {
  local pom=$1 folder=$2 stamp
  stamp=$(sha256sum <"$pom" | cut -c1-16)
  [ "$(cat "$folder/lib.stamp" 2>/dev/null)" = "$stamp" ] && return 0
  java_have
  say "fetching its libraries"
  rm -rf "$folder/lib" "$folder/lib.stamp"; mkdir -p "$folder/lib"
  mvn -q -B -Dstyle.color=never -f "$pom" dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$folder/lib"
  echo "$stamp" >"$folder/lib.stamp"
}

main() {
  case "${1:-}" in
    start)
      mkdir -p "$BASE" "$RUN"
      exec 9>"$BASE/lock"; flock 9 # one start at a time; no server inherits the lock
      if ! already_up; then start; fi ;;
    stop) stop ;;
    status) if our_pid >/dev/null && ready; then say "up (pid $(our_pid), port $PORT)"; else say "down"; exit 1; fi ;;
    env) show_env ;;
    *) echo "usage: $0 start|stop|status|env" >&2; exit 2 ;;
  esac
}
