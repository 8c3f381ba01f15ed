// Package linearizability checks what clients may rely on while replicas are killed: every state that a client got
// acknowledged is in the run's history exactly once, in an order that agrees with real time, and reads show the history
// as docs/architecture.md describes.
//
// Many clients force states on few runs through two processes of the program, which a test kills (SIGKILL) and
// restarts. A gateway between the processes and a real API server drops requests, drops responses, and sends requests
// twice. The number of operations is fixed, not their time. The seed is printed; -seed repeats a schedule.
//
// Forced states are always accepted, so the history of a run is itself the order in which its writes took effect. The
// checker therefore compares that order with what the clients saw. It does not have to search for an order.
package linearizability
