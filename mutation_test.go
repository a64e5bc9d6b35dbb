package dossier_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutation is one line broken on purpose; see testdata/mutations/README.md.
type mutation struct {
	why, file, old, new, pkg, run string
	race                          bool
}

// readMutation reads a file of testdata/mutations.
func readMutation(path string) (mutation, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return mutation{}, err
	}
	values := map[string]string{}
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		if _, again := values[key]; !ok || again || !slices.Contains(mutationKeys, key) {
			return mutation{}, fmt.Errorf("%s: bad line %q", path, line)
		}
		values[key] = strings.TrimSpace(value)
	}
	for _, key := range mutationKeys[:6] {
		if values[key] == "" {
			return mutation{}, fmt.Errorf("%s: no %q", path, key)
		}
	}
	return mutation{
		why: values["why"], file: values["file"], old: values["old"], new: values["new"],
		pkg: values["package"], run: values["run"], race: values["race"] == "yes",
	}, nil
}

var mutationKeys = []string{"why", "file", "old", "new", "package", "run", "race"}

// apply writes the overlay of a mutation and returns its path.
func (m mutation) apply(folder string) (string, error) {
	text, err := os.ReadFile(m.file)
	if err != nil {
		return "", err
	}
	lines := strings.SplitAfter(string(text), "\n")
	found := 0
	for i, line := range lines {
		if strings.TrimSpace(line) == m.old {
			lines[i] = m.new + "\n"
			found++
		}
	}
	if found != 1 {
		return "", fmt.Errorf("the old line occurs %d times in %s; it must occur once: %s", found, m.file, m.old)
	}
	original, err := filepath.Abs(m.file)
	if err != nil {
		return "", err
	}
	mutated, overlay := filepath.Join(folder, filepath.Base(m.file)), filepath.Join(folder, "overlay.json")
	replace, err := json.Marshal(map[string]map[string]string{"Replace": {original: mutated}})
	if err != nil {
		return "", err
	}
	if err := os.WriteFile(mutated, []byte(strings.Join(lines, "")), 0o600); err != nil {
		return "", err
	}
	return overlay, os.WriteFile(overlay, replace, 0o600)
}

// mutationTries is how often tests that pass are run again: some mistakes show only in some races.
const mutationTries = 5

// caught reports whether the tests of a mutation fail, as they must.
func (m mutation) caught(t *testing.T) error {
	t.Helper()
	overlay, err := m.apply(t.TempDir())
	if err != nil {
		return err
	}
	for range mutationTries {
		if err = m.try(t, overlay); !errors.Is(err, errNotCaught) {
			return err
		}
	}
	return err
}

var errNotCaught = errors.New("the tests pass")

func (m mutation) try(t *testing.T, overlay string) error {
	t.Helper()
	args := []string{"test", "-overlay", overlay, "-vet=off", "-count=1", "-timeout=2m", "-failfast", "-run", m.run}
	if m.race {
		args = append(args, "-race")
	}
	command := exec.CommandContext(t.Context(), "go", append(args, m.pkg)...)
	command.Env = append(os.Environ(), "DOSSIER_MUTATIONS=", "DOSSIER_REQUIRE=none")
	output, err := command.CombinedOutput()
	text := string(output)
	switch {
	case strings.Contains(text, "[build failed]") || strings.Contains(text, "[setup failed]"):
		return fmt.Errorf("the mutated code does not compile:\n%s", text)
	case strings.Contains(text, "no tests to run"):
		return fmt.Errorf("no test of %s matches %s", m.pkg, m.run)
	case err == nil:
		return fmt.Errorf("%s of %s: %w", m.run, m.pkg, errNotCaught)
	case strings.Contains(text, "panic: test timed out"):
		return fmt.Errorf("the tests hang; break the line in another way:\n%s", text)
	case !strings.Contains(text, "--- FAIL: ") && !strings.Contains(text, "panic: "):
		return fmt.Errorf("no test failed or panicked, but something else: %w\n%s", err, text)
	}
	return nil
}

// A rule that can be broken without a failing test is not tested. Each line broken here stands for a mistake that would
// lose or leak somebody's file.
//
//nolint:tparallel // beside the tests that count goroutines, only its subtests run at once
func TestMutations(t *testing.T) {
	paths, err := filepath.Glob("testdata/mutations/*.mutation")
	if err != nil || len(paths) < 14 {
		t.Fatalf("%d mutations, %v", len(paths), err)
	}
	wanted := os.Getenv("DOSSIER_MUTATIONS") == "1" || os.Getenv("DOSSIER_REQUIRE") == "all"
	if testing.Short() || !wanted {
		t.Skip("mutations take minutes: set DOSSIER_MUTATIONS=1")
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".mutation"), func(t *testing.T) {
			t.Parallel()
			m, err := readMutation(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.caught(t); err != nil {
				t.Errorf("%s\n%v", m.why, err)
			}
		})
	}
}

// Code changes and mutations must follow, also where nobody has the minutes to run them.
func TestMutationsApply(t *testing.T) {
	t.Parallel()
	paths, err := filepath.Glob("testdata/mutations/*.mutation")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		m, err := readMutation(path)
		if err == nil {
			_, err = m.apply(t.TempDir())
		}
		if err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
}
