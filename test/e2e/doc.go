// Package e2e has the tests on a real node (build tag e2e): the image of this tree, installed from config/default, used by
// pods through the Service, killed, rolled over and removed. `make test-e2e` starts the node, which needs root; see
// node.sh and run.sh.
package e2e
