package main

import (
	"bytes"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/fileobject"
)

func env(pairs ...string) func(string) string {
	return func(name string) string {
		if i := slices.Index(pairs, name); i >= 0 {
			return pairs[i+1]
		}
		return ""
	}
}

// With nothing said it listens on this machine alone: it has no users, so the default must not open it to a network.
func TestDefaultsNeedNoConfiguration(t *testing.T) {
	t.Parallel()
	cfg, err := readConfig(nil, env(), io.Discard)
	check(t, err)
	if cfg.listen != "127.0.0.1:8080" || cfg.data != "data" || cfg.max != maxFile || len(cfg.hosts) != 0 || cfg.stall <= 0 || cfg.grace <= 0 {
		t.Errorf("%+v", cfg)
	}
}

// Flags go before the environment, and both are read.
func TestFlagsGoBeforeEnvironment(t *testing.T) {
	t.Parallel()
	cfg, err := readConfig([]string{"-listen", ":1", "-hosts", "A.example, b.example"},
		env("DOCUMENTS_LISTEN", ":2", "DOCUMENTS_DATA", "elsewhere", "DOCUMENTS_MAX", "2MiB"), io.Discard)
	check(t, err)
	if cfg.listen != ":1" || cfg.data != "elsewhere" || cfg.max != 2<<20 || !slices.Equal(cfg.hosts, []string{"a.example", "b.example"}) {
		t.Errorf("%+v", cfg)
	}
}

// A mistake is an error that names it, before anything is opened.
func TestWrongFlagsAreErrors(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{"-max", "lots"}, {"-max", "0"}, {"-max", "6GiB"}, {"-max", "1MiB,many:2x"}, {"start"}, {"-nothing"}, {"-grace", "soon"}} {
		if cfg, err := readConfig(args, env(), io.Discard); err == nil {
			t.Errorf("%q is accepted: %+v", args, cfg)
		}
	}
	var help bytes.Buffer
	if _, err := readConfig([]string{"-help"}, env(), &help); !errors.Is(err, flag.ErrHelp) || !strings.Contains(help.String(), "-listen") {
		t.Errorf("-help: %v, %q", err, &help)
	}
}

// The limits that the page shows and the form enforces are those of the column, which has the last word.
func TestLimitsAgreeWithTags(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]struct {
		max  int64
		many int
	}{"File": {maxFile, 0}, "Pages": {maxPage, maxPages}} {
		field, _ := reflect.TypeFor[Document]().FieldByName(name)
		policy, err := fileobject.ParsePolicy(field.Tag.Get("file"))
		check(t, err)
		if policy.Max != want.max || policy.Many != want.many || policy.Backend != backendName {
			t.Errorf("%s: the tag says %+v", name, policy)
		}
	}
}

// The secret is made once, is nobody else's to read, and a damaged one is an error rather than a weak one.
func TestSigningSecretIsKeptPrivate(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	_, err := signerIn(dir)
	check(t, err)
	path := filepath.Join(dir, "signing.key")
	first, err := os.ReadFile(path)
	check(t, err)
	info, err := os.Stat(path)
	check(t, err)
	if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("mode %o", mode)
	}
	_, err = signerIn(dir)
	check(t, err)
	if second, err := os.ReadFile(path); err != nil || !bytes.Equal(first, second) {
		t.Errorf("the secret was exchanged, %v", err)
	}
	entries, err := os.ReadDir(dir)
	check(t, err)
	if len(entries) != 1 {
		t.Errorf("the folder has %v", entries)
	}
	for _, damaged := range []string{"", "abcd", strings.Repeat("x", 64)} {
		check(t, os.WriteFile(path, []byte(damaged), 0o600))
		if _, err := signerIn(dir); !errors.Is(err, dossier.ErrInvalid) || !strings.Contains(err.Error(), path) {
			t.Errorf("secret %q: %v", damaged, err)
		}
	}
}
