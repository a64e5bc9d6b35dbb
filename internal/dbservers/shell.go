package dbservers

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
)

// shell is how a database's own command line is started.
type shell struct {
	program string
	args    []string
	env     string
}

// Shell runs a script in the database's own shell, psql or mariadb, which is a program without any code of ours, and returns
// what it printed. It stops at the first error, which is that of Shell. Errors: ErrMissing.
func (d *Database) Shell(ctx context.Context, script string) (string, error) {
	return d.server.shell(d.name).run(ctx, script)
}

// SQLiteShell runs a script in sqlite3 on a database file. Errors: ErrMissing.
func SQLiteShell(ctx context.Context, path, script string) (string, error) {
	return shell{program: "sqlite3", args: []string{"-batch", "-bail", path}}.run(ctx, script)
}

func (s shell) run(ctx context.Context, script string) (string, error) {
	path, err := exec.LookPath(s.program)
	if err != nil {
		return "", fmt.Errorf("%w: the shell %s", ErrMissing, s.program)
	}
	command := exec.CommandContext(ctx, path, s.args...)
	command.Stdin = strings.NewReader(script)
	if s.env != "" {
		command.Env = append(os.Environ(), s.env)
	}
	output, err := command.CombinedOutput()
	if err != nil {
		return string(output), fmt.Errorf("%s: %w: %s", s.program, err, output)
	}
	return string(output), nil
}
