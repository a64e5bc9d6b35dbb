package browsertest_test

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// built is the folder of the demo's binary, which all tests share.
var built string

func TestMain(m *testing.M) {
	os.Exit(runTests(m))
}

func runTests(m *testing.M) int {
	var err error
	if built, err = os.MkdirTemp("", "browsertest-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(built)
	return m.Run()
}

// buildDemo builds the demo as it is in this repository, with the cloud stores.
var buildDemo = sync.OnceValues(func() (string, error) {
	path := filepath.Join(built, "documents")
	build := exec.Command("go", "build", "-C", filepath.Join("..", ".."), "-tags", "cloud", "-o", path, "./examples/documents")
	if output, err := build.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w: %s", err, output)
	}
	return path, nil
})

// startDemo runs the demo with an empty data folder until the test ends, and returns its address.
func startDemo(t *testing.T, flags ...string) string {
	t.Helper()
	path, err := buildDemo()
	check(t, err)
	command := exec.Command(path, append([]string{"-listen", "127.0.0.1:0", "-data", t.TempDir(), "-grace", "5s"}, flags...)...)
	command.Stderr = t.Output()
	stdout, err := command.StdoutPipe()
	check(t, err)
	check(t, command.Start())
	t.Cleanup(func() {
		check(t, command.Process.Signal(syscall.SIGTERM))
		if err := command.Wait(); err != nil {
			t.Errorf("the demo ended with %v", err)
		}
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	check(t, err)
	_, address, ok := strings.Cut(strings.TrimSpace(line), "http://")
	if !ok {
		t.Fatalf("the demo printed %q, not its address", line)
	}
	return "http://" + address
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
