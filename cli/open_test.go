package cli_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/dossier-go/dossier/cli"
)

// A typing error must not make an empty database or folder, which would then look like a total loss.
func TestNothingIsMadeByATypingError(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	dir := t.TempDir()
	database, folder := filepath.Join(dir, "missing.db"), filepath.Join(dir, "missing")
	for _, dsn := range []string{database, "file:" + database, "file://" + database + "?mode=rwc", "file:" + database + "?cache=private"} {
		run(t, cli.Config{}, "journal", "--database", dsn).want(t, 2, "", "there is no such database: "+database+": file does not exist; this tool makes none")
	}
	run(t, cli.Config{}, "sweep", "--database", a.database, "--backend", "uploads=file://"+folder).
		want(t, 2, "", "root folder does not exist")
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) > 0 {
		t.Errorf("made %v, %v", entries, err)
	}
}

// What is no database of an application is said so, with what to do.
func TestOtherDatabasesAreRefused(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	text, empty := filepath.Join(dir, "text.db"), filepath.Join(dir, "empty.db")
	check(t, errors.Join(os.WriteFile(text, []byte(strings.Repeat("not a database ", 100)), 0o600), os.WriteFile(empty, nil, 0o600)))
	for database, want := range map[string]string{
		text:                        "file is not a database",
		empty:                       "a table is missing: dossier_journal",
		"file:/empty-cli?vfs=memdb": "is it the application's database?",
		dir:                         "is no file",
		":memory:":                  "private database in memory",
		"file://server/app.db":      "names a host",
		"file:%zz":                  "not URL-encoded",
		"oracle://localhost/app":    `"oracle"; SQLite (a path or file:), postgres:// and mysql:// are supported`,
		"app:secret@localhost/app":  "there is no such file",
		"":                          "name the application's database",
	} {
		run(t, cli.Config{}, "journal", "--database", database).want(t, 2, "", want)
	}
	if info, err := os.Stat(empty); err != nil || info.Size() > 0 {
		t.Errorf("the empty file was written: %v", err)
	}
}

// A DSN is taken with its parameters; a database that may only be read is only read.
func TestADSNKeepsItsParameters(t *testing.T) {
	t.Parallel()
	a := filled(t)
	dsn := "file:" + strings.NewReplacer("%", "%25", "?", "%3F", "#", "%23").Replace(a.database)
	for _, parameters := range []string{"", "?mode=ro", "?mode=rwc&_pragma=busy_timeout(5)&_pragma=foreign_keys(1)"} {
		if got := run(t, cli.Config{}, "journal", "--database", dsn+parameters, "--parked"); got.code != 0 || !strings.HasPrefix(got.stdout, "2\t") {
			t.Errorf("%s: %+v", parameters, got)
		}
	}
	run(t, cli.Config{}, "journal", "retry", "--database", dsn+"?mode=ro").want(t, 2, "", "readonly database")
}

// Errors end in logs, and arguments may hold secrets: none is repeated.
func TestSecretsAreNotPrinted(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	for _, args := range [][]string{
		{"journal", "--database", "postgres://user:hunter2@localhost/app"},
		{"journal", "--database", "user:hunter2@tcp(localhost)/app"},
		{"journal", "--database", "file:%zz?key=hunter2"},
		{"journal", "--database", "file:" + filepath.Join(t.TempDir(), "x") + "?_pragma=key('hunter2')"},
		{"journal", "--database", "file:" + a.database + "?_pragma=key('hunter2'"},
		{"sweep", "--database", a.database, "--backend", "ftp://user:hunter2@localhost"},
		{"sweep", "--database", a.database, "--backend", "uploads=ftp://user:hunter2@localhost/?token=hunter2"},
		{"sweep", "--database", a.database, "--backend", "uploads=mem://user:hunter2@localhost"},
		{"sweep", "--database", a.database, "--backend", "uploads=mem://?secret=hunter2"},
		{"sweep", "--database", a.database, "--backend", "uploads=mem://?budget=hunter2"},
		{"sweep", "--database", a.database, "--backend", "hunter2"},
	} {
		got := run(t, cli.Config{}, args...)
		if got.code != 2 || got.stderr == "" || strings.Contains(got.stdout+got.stderr, "hunter2") {
			t.Errorf("%v: %+v", args, got)
		}
	}
}

// Stores are named once, by names that the registry takes.
func TestBackendFlags(t *testing.T) {
	t.Parallel()
	a := newApplication(t)
	for want, backends := range map[string][]string{
		"--backend number 1: invalid argument: want name=url": {"uploads"},
		"--backend number 2: register backend \"a\"":          {"a=mem://", "a=mem://"},
		"--backend number 1: register backend \"\"":           {"=mem://"},
		"--backend number 1: open backend: unsupported":       {"a=ftp://x"},
	} {
		args := []string{"sweep", "--database", a.database}
		for _, backend := range backends {
			args = append(args, "--backend", backend)
		}
		run(t, cli.Config{}, args...).want(t, 2, "", want)
	}
	run(t, cli.Config{}, "sweep", "--database", a.database, "--backend", "a=mem://", "--backend", "b=mem://?budget=1MiB").
		want(t, 0, "claimed 0, deleted 0, abandoned 0, failed 0, parked 0\n", "")
}
