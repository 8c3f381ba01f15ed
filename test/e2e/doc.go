// Package e2e tests the operator on a real node (build tag e2e): the image of this tree is installed from
// config/default, used by pods through the Service, killed, rolled over and removed. `make test-e2e` starts the node,
// which needs root; see node.sh and run.sh.
package e2e
