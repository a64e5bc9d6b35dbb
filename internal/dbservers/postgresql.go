package dbservers

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
)

// postgresqlProgram finds a program of PostgreSQL: on the path, or where Debian has it, the newest first.
func postgresqlProgram(name string) (string, error) {
	if path, err := exec.LookPath(name); err == nil {
		return path, nil
	}
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/" + name)
	slices.Sort(found)
	if len(found) == 0 {
		return "", fmt.Errorf("%w: PostgreSQL (%s)", ErrMissing, name)
	}
	return found[len(found)-1], nil
}

func startPostgreSQL() (*server, error) {
	initdb, err := postgresqlProgram("initdb")
	if err != nil {
		return nil, err
	}
	postgres, err := postgresqlProgram("postgres")
	if err != nil {
		return nil, err
	}
	// The server refuses to be root.
	folder, user, err := newFolder("postgres")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(folder, "data")
	if err := run(user, initdb, "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions"); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	port, err := freePort()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	p, err := start(user, postgres, "-D", data, "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-k", folder,
		"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off", "-c", "wal_level=minimal",
		"-c", "max_wal_senders=0", "-c", "autovacuum=off", "-c", "shared_buffers=32MB", "-c", "max_connections=400")
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	s := &server{process: p, folder: folder, driver: "pgx", system: "public", create: "CREATE SCHEMA", drop: "DROP SCHEMA", all: " CASCADE"}
	s.dsn = func(schema string) string {
		return fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable&search_path=%s&application_name=%s", port, schema, schema)
	}
	s.shell = func(schema string) shell {
		return shell{
			program: "psql", args: []string{"-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", "127.0.0.1", "-p", strconv.Itoa(port), "-U", "postgres", "postgres"},
			env: "PGOPTIONS=-c search_path=" + schema,
		}
	}
	if err := s.ready(); err != nil {
		return nil, errors.Join(err, s.stop())
	}
	return s, nil
}
