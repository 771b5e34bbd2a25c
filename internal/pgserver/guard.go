package pgserver

import (
	"fmt"
	"os"
	"os/exec"
	"syscall"
)

// guard is a small shell that acts when our process has died, however it died: it sends the current target's signal and
// then removes a folder, if it was given one. It notices by the end of its standard input, a pipe only we can write to.
type guard struct {
	cmd  *exec.Cmd
	pipe *os.File
}

// guardScript reads lines "signal target" (a negative target is a process group), "none" to have no target, "socket dir"
// for a folder that goes with the main one, and "done" to leave without doing anything. $1 is the folder to remove, or
// empty. It waits for the target, at most 5 s, before it removes its files.
const guardScript = `trap '' HUP INT QUIT TERM PIPE
signal= target= socket=
while read -r word rest; do
	case $word in
	done) exit 0 ;;
	none) signal= target= ;;
	socket) socket=$rest ;;
	*) signal=$word target=$rest ;;
	esac
done
[ -z "$target" ] || kill -s "$signal" -- "$target" 2>/dev/null
if [ -n "$1" ]; then
	tries=0
	while [ -n "$target" ] && kill -s 0 -- "$target" 2>/dev/null && [ "$tries" -lt 100 ]; do
		sleep 0.05
		tries=$((tries + 1))
	done
	rm -rf -- "$1" ${socket:+"$socket"}
fi
`

// startGuard starts the shell. removeDir, if not empty, is removed when we die without having dismissed the guard.
func startGuard(removeDir string) (*guard, error) {
	reader, writer, err := os.Pipe()
	if err != nil {
		return nil, fmt.Errorf("cannot make a pipe: %w", err)
	}
	defer reader.Close()
	cmd := exec.Command("/bin/sh", "-c", guardScript, "roster-guard", removeDir)
	cmd.Dir = "/"
	cmd.Env = cleanEnv()
	cmd.Stdin = reader
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // a Ctrl-C at the terminal is for us alone
	if err := cmd.Start(); err != nil {
		writer.Close()
		return nil, fmt.Errorf("cannot run /bin/sh: %w", cause(err))
	}
	return &guard{cmd: cmd, pipe: writer}, nil
}

// watchGroup makes the whole process group of c the target, to be killed.
func (g *guard) watchGroup(c *child) { g.say(fmt.Sprintf("KILL -%d", c.pid)) }

// watchServer makes a server's main process the target, to be shut down at once.
func (g *guard) watchServer(c *child) { g.say(fmt.Sprintf("QUIT %d", c.pid)) }

// alsoRemove adds a folder that is to go with the main one.
func (g *guard) alsoRemove(dir string) { g.say("socket " + dir) }

// watchNothing forgets the target, whose process id may soon be somebody else's.
func (g *guard) watchNothing() { g.say("none") }

// dismiss ends the guard. It can be called more than once.
func (g *guard) dismiss() {
	if g.cmd == nil {
		return
	}
	g.say("done")
	g.pipe.Close()
	_ = g.cmd.Wait() // how it ended does not matter any more
	g.cmd = nil
}

// say cannot fail in a way that matters: without its shell a guard has nothing to tell.
func (g *guard) say(line string) { _, _ = g.pipe.WriteString(line + "\n") }
