package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/taskrun-dev/taskrun-operator/test/bench/stack"
	"github.com/taskrun-dev/taskrun-operator/test/controlplane"
	"github.com/taskrun-dev/taskrun-operator/test/prefect"
)

// postgreSQLReadyLimit is the timeout for the start of the database server.
const postgreSQLReadyLimit = time.Minute

// postgreSQLPrograms must all be in one folder.
var postgreSQLPrograms = []string{"initdb", "postgres", "pg_isready"}

// findPostgreSQL returns the folder of PostgreSQL's programs: the one in PATH,
// otherwise the newest in the usual folders of distributions.
func findPostgreSQL() (string, bool) {
	var folders []string
	if found, err := exec.LookPath("initdb"); err == nil {
		if resolved, err := filepath.EvalSymlinks(found); err == nil {
			folders = append(folders, filepath.Dir(resolved))
		}
	}
	packaged, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err == nil {
		slices.SortFunc(packaged, func(a, b string) int { return majorOf(b) - majorOf(a) })
		folders = append(folders, packaged...)
	}
	for _, folder := range folders {
		if controlplane.Complete(folder, postgreSQLPrograms...) {
			return folder, true
		}
	}
	return "", false
}

// majorOf returns the version in a path like /usr/lib/postgresql/15/bin, or 0 if
// there is no number.
func majorOf(folder string) int {
	n, err := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	if err != nil {
		return 0
	}
	return n
}

// startPostgreSQL creates a database and serves it with PostgreSQL's default
// settings. It returns the database URL in Prefect's format.
func (b *bench) startPostgreSQL(ctx context.Context, programs, folder string, stops *[]func() error) (string, error) {
	if err := os.Mkdir(folder, 0o700); err != nil {
		return "", fmt.Errorf("making the folder of PostgreSQL: %w", err)
	}
	as, err := owner(folder)
	if err != nil {
		return "", err
	}
	data := filepath.Join(folder, "data")
	makeDatabase := slices.Concat(as, []string{
		filepath.Join(programs, "initdb"), "--pgdata=" + data, "--username=prefect", "--auth=trust", "--encoding=UTF8", "--no-locale",
	})
	if err := prefect.Run(ctx, makeDatabase[0], makeDatabase[1:]...); err != nil {
		return "", fmt.Errorf("making a PostgreSQL database: %w", err)
	}
	addresses, err := stack.FreeAddresses(1)
	if err != nil {
		return "", fmt.Errorf("starting PostgreSQL: %w", err)
	}
	host, port := split(addresses[0])
	serve := slices.Concat(as, []string{filepath.Join(programs, "postgres"), "-D", data, "-h", host, "-p", port, "-k", folder})
	// If another user owns the folder, the pid and the log are in this program's
	// folder.
	logs, err := os.MkdirTemp(filepath.Dir(folder), "database-log-")
	if err != nil {
		return "", fmt.Errorf("making a folder: %w", err)
	}
	output, err := os.Create(filepath.Join(logs, "postgres.log")) //nolint:gosec // in this run's own folder
	if err != nil {
		return "", fmt.Errorf("creating the log of PostgreSQL: %w", err)
	}
	defer output.Close()
	process, err := controlplane.StartProcess(controlplane.Command{
		Name: "postgres", Path: serve[0], Args: serve[1:], PIDFolder: logs, Output: output,
	})
	if err != nil {
		return "", fmt.Errorf("starting PostgreSQL: %w", err)
	}
	*stops = append(*stops, process.Stop)
	if err := awaitDatabase(ctx, process, filepath.Join(programs, "pg_isready"), host, port); err != nil {
		printed, _ := os.ReadFile(output.Name()) // only explains the failure
		return "", fmt.Errorf("starting PostgreSQL: %w: %s", err, prefect.Tail(printed))
	}
	b.progress("started PostgreSQL of %s", programs)
	return "postgresql+asyncpg://prefect@" + addresses[0] + "/postgres", nil
}

// owner gives the folder to a user that PostgreSQL can run as, because PostgreSQL
// does not run as root. It returns the prefix of PostgreSQL's commands, empty unless
// this process is root.
func owner(folder string) ([]string, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	account, err := user.Lookup("postgres")
	if err != nil {
		if account, err = user.Lookup("nobody"); err != nil {
			return nil, fmt.Errorf("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody: %w", err)
		}
	}
	uid, errUID := strconv.Atoi(account.Uid)
	gid, errGID := strconv.Atoi(account.Gid)
	if err := errors.Join(errUID, errGID); err != nil {
		return nil, fmt.Errorf("reading the user %s: %w", account.Username, err)
	}
	if err := os.Chown(folder, uid, gid); err != nil {
		return nil, fmt.Errorf("giving the database's folder to %s: %w", account.Username, err)
	}
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and setpriv (of util-linux) that starts it as %s is missing: %w", account.Username, err)
	}
	// On a change of user, the kernel clears the setting that ends a child with its
	// parent.
	return []string{setpriv, "--reuid=" + account.Uid, "--regid=" + account.Gid, "--clear-groups", "--pdeathsig=KILL"}, nil
}

func awaitDatabase(ctx context.Context, process *controlplane.Process, isReady, host, port string) error {
	ctx, cancel := context.WithTimeout(ctx, postgreSQLReadyLimit)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := prefect.Run(ctx, isReady, "-h", host, "-p", port)
		if err == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-process.Done():
			return fmt.Errorf("it ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("it is not ready within %s: %w", postgreSQLReadyLimit, err)
		}
	}
}

// split splits an address of FreeAddresses.
func split(address string) (host, port string) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address, ""
	}
	return host, port
}
