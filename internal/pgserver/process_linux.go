package pgserver

import "syscall"

// deathSignal tells whether the kernel signals a child when we die.
const deathSignal = true

// processAttributes puts a child in a process group of its own, under its account, and lets the kernel signal it when
// the thread that started it ends.
func processAttributes(who account, onDeath syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: who.credential(), Pdeathsig: onDeath}
}
