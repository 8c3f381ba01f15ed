package controlplane

import "syscall"

// sysProcAttr gives a child a process group of its own, so that a terminal's Ctrl-C reaches only the parent, which
// then stops its children in order; and has the kernel kill the child when the parent was killed: nobody is left who could
// stop the children in order, and kube-apiserver takes a minute to stop without etcd.
func sysProcAttr() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
}
