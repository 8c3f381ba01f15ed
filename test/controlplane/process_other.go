//go:build unix && !linux

package controlplane

import "syscall"

// sysProcAttr gives a child its own process group, so that a terminal's Ctrl-C reaches only the parent, which then
// stops its children in order. On this system, children outlive a killed parent, and the next start ends them.
func sysProcAttr() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
