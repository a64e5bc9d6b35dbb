//go:build unix

package local_test

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// Variables that make the test binary a child process of a test.
const (
	childJob    = "DOSSIER_LOCAL_CHILD"
	childFolder = "DOSSIER_LOCAL_FOLDER"
	childStep   = "DOSSIER_LOCAL_STEP"
)

func TestMain(m *testing.M) {
	jobs := map[string]func(dir string) error{
		"count": countJob, "create": createJob, "write": writeJob, "hang": hangJob, "scenario": scenarioJob,
	}
	if job, ok := jobs[os.Getenv(childJob)]; ok {
		if err := job(os.Getenv(childFolder)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child is the test binary doing one job in a folder.
func child(t *testing.T, job, dir string, extra ...string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), append(extra, childJob+"="+job, childFolder+"="+dir)...)
	command.Stderr = os.Stderr
	return command
}

// children runs n of them at once and returns what they printed.
func children(t *testing.T, n int, job, dir string) []string {
	t.Helper()
	printed := make([]string, n)
	var group sync.WaitGroup
	for i := range n {
		command := child(t, job, dir)
		group.Go(func() {
			output, err := command.Output()
			if err != nil {
				t.Error(err)
			}
			printed[i] = strings.TrimSpace(string(output))
		})
	}
	group.Wait()
	return printed
}

const increments = 60

func countJob(dir string) error {
	b, err := local.New(dir, local.Config{Durability: local.Fast})
	if err != nil {
		return err
	}
	for range increments {
		if err := increment(b, "counter"); err != nil {
			return err
		}
	}
	return b.Close()
}

// TestCompareAndSwapCountsExactlyAcrossProcesses: several processes serve one folder; a lock that held only inside one
// of them would lose updates without an error.
func TestCompareAndSwapCountsExactlyAcrossProcesses(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	put(t, b, "counter", "0")
	const processes = 4
	children(t, processes, "count", dir)
	if got := content(t, b, "counter"); got != strconv.Itoa(processes*increments) {
		t.Errorf("the counter is %s after %d increments", got, processes*increments)
	}
}

const creations = 100

func createJob(dir string) error {
	b, err := local.New(dir, local.Config{Durability: local.Fast})
	if err != nil {
		return err
	}
	won := 0
	for i := range creations {
		opts := dossier.PutOptions{If: dossier.Condition{IfAbsent: true}}
		switch _, err := b.Put(background(), fmt.Sprintf("f/%d", i), source("x"), opts); {
		case err == nil:
			won++
		case !errors.Is(err, dossier.ErrExist):
			return err
		}
	}
	fmt.Println(won)
	return b.Close()
}

// TestCreateOnlyHasOneWinnerAcrossProcesses, who may be starting with an empty folder at the same time as well: then
// they must agree on the identity of the store.
func TestCreateOnlyHasOneWinnerAcrossProcesses(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "new", "store")
	sum := 0
	for _, printed := range children(t, 4, "create", dir) {
		won, err := strconv.Atoi(printed)
		if err != nil {
			t.Error(err)
		}
		sum += won
	}
	if sum != creations {
		t.Errorf("%d puts won %d keys", sum, creations)
	}
	wantNothingLeft(t, dir)
}

// writeJob overwrites two keys for ever and says so once it has begun.
func writeJob(dir string) error {
	b, err := local.New(dir, local.Config{Durability: local.Fast})
	if err != nil {
		return err
	}
	for i := 0; ; i++ {
		text := strings.Repeat(strconv.Itoa(i%10), 300_000)
		opts := dossier.PutOptions{Metadata: map[string]string{"letter": text[:1]}}
		for _, key := range []string{"a", "folder/b"} {
			// Bytes that come in pieces give the signal a chance to arrive in the middle.
			src := dossier.ReaderSource(io.MultiReader(strings.NewReader(text[:100_000]), strings.NewReader(text[100_000:])), -1)
			if _, err := b.Put(background(), key, src, opts); err != nil {
				return err
			}
		}
		if i == 0 {
			fmt.Println("begun")
		}
	}
}

// TestKilledWriterLeavesWholeObjects: kill -9 at any moment leaves the old object or the new one, and what else it
// leaves is reclaimed.
func TestKilledWriterLeavesWholeObjects(t *testing.T) {
	t.Parallel()
	b, dir := openFast(t)
	for range 10 {
		kill(t, child(t, "write", dir), "begun")
		for _, key := range []string{"a", "folder/b"} {
			info, err := b.Stat(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			if got := content(t, b, key); strings.Trim(got, info.Metadata["letter"]) != "" || len(got) != 300_000 {
				t.Errorf("%s is torn: %d bytes, metadata %v", key, len(got), info.Metadata)
			}
		}
		if _, err := b.Reclaim(t.Context(), 0); err != nil {
			t.Error(err)
		}
		wantNothingLeft(t, dir)
	}
}

// kill waits until the child says what is expected, kills it and waits for its end.
func kill(t *testing.T, command *exec.Cmd, expected string) {
	t.Helper()
	killAfter(t, command, expected, func() {})
}

// killAfter does something between.
func killAfter(t *testing.T, command *exec.Cmd, expected string, do func()) {
	t.Helper()
	output, err := command.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(output).ReadString('\n')
	if err != nil || strings.TrimSpace(line) != expected {
		t.Errorf("the child said %q, %v", line, err)
	}
	do()
	if err := command.Process.Kill(); err != nil {
		t.Error(err)
	}
	var exit *exec.ExitError
	if err := command.Wait(); !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
		t.Errorf("the child ended with %v", err)
	}
}
