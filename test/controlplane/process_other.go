//go:build unix && !linux

package controlplane

import "syscall"

// sysProcAttr gives a child a process group of its own, so that a terminal's Ctrl-C reaches only the parent, which
// then stops its children in order. Here a killed parent leaves its children behind: the next start ends them.
func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
