package cli_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/dossier-go/dossier/cli"
)

// The binary is the tree with a driver in it: exit codes and streams are those of a process.
func TestTheBinary(t *testing.T) {
	t.Parallel()
	binary := filepath.Join(t.TempDir(), "dossier.exe")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "github.com/dossier-go/dossier/cmd/dossier")
	if text, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, text)
	}
	a := newApplication(t)
	gone := a.insert(t, "gone")
	a.delete(t, gone)
	a.process(t, binary, "audit", "--column", "documents.file").want(t, 0, "", "0 findings; 0 files of rows and 1 objects were compared\n")
	a.process(t, binary, "sweep").want(t, 0, "claimed 1, deleted 1, abandoned 0, failed 0, parked 0\n", "")
	check(t, os.WriteFile(filepath.Join(a.folder, "orphan"), nil, 0o600))
	a.process(t, binary, "audit", "--column", "documents.file").want(t, 1, "orphaned\t\t\tuploads\torphan\t0 bytes\n", "dossier: 1 findings")
	a.process(t, binary, "adit").want(t, 2, "", `dossier: invalid argument: "adit" is no subcommand of dossier; see dossier --help`)
}

func (a *application) process(t *testing.T, binary string, args ...string) output {
	t.Helper()
	var stdout, stderr bytes.Buffer
	command := exec.CommandContext(t.Context(), binary, append(args, a.flags()...)...)
	command.Stdout, command.Stderr = &stdout, &stderr
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return output{command.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// Help is no error, and names what there is.
func TestHelp(t *testing.T) {
	t.Parallel()
	for _, args := range [][]string{{}, {"--help"}, {"help"}, {"sweep", "--help"}, {"journal", "retry", "--help"}, {"audit", "--help"}} {
		var stdout, stderr bytes.Buffer
		if code := cli.Run(context.Background(), cli.Config{}, args, &stdout, &stderr); code != 0 || stderr.Len() > 0 || !bytes.Contains(stdout.Bytes(), []byte("--database")) {
			t.Errorf("%v: exit code %d\n%s%s", args, code, &stdout, &stderr)
		}
	}
}
