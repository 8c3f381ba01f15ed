package controlplane

import "syscall"

// sysProcAttr gives a child a process group of its own, so that a terminal's Ctrl-C reaches only the parent, which
// then stops its children in order; and has the kernel end the child when the parent is killed.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
}
