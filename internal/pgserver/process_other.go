//go:build !linux

package pgserver

import "syscall"

// deathSignal tells whether the kernel signals a child when we die.
const deathSignal = false

// processAttributes puts a child in a process group of its own, under its account.
func processAttributes(who account, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: who.credential()}
}
