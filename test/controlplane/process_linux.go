package controlplane

import "syscall"

// sysProcAttr gives a child its own process group, so that a terminal's Ctrl-C reaches only the parent, which then
// stops its children in order. It also makes the kernel kill the child when the parent is killed: the children cannot
// stop in order then, and kube-apiserver takes a minute to stop without etcd.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
