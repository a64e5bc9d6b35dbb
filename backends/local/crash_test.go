//go:build unix

package local_test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"sync"
	"syscall"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
)

// TestStepsAreAllThereAre: a crash harness that walks Steps must not miss a moment, nor wait for one that never comes.
func TestStepsAreAllThereAre(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	seen := map[string]bool{}
	dir := t.TempDir()
	cfg := local.Config{Step: func(step string) error {
		mu.Lock()
		defer mu.Unlock()
		seen[step] = true
		return nil
	}}
	b := openAt(t, dir, cfg)
	if err := prepare(b); err != nil {
		t.Fatal(err)
	}
	if err := expectedErrors(scenario(b, dir)); err != nil {
		t.Fatal(err)
	}
	for _, step := range local.Steps() {
		if !seen[step] && step != "upload.discard.before" && step != "upload.discard.after" { // needs a failure
			t.Errorf("the scenario never came to %s", step)
		}
		delete(seen, step)
	}
	for step := range seen {
		t.Errorf("%s is not among Steps", step)
	}
}

// scenarioJob kills its own process at a step, without a chance to tidy up.
func scenarioJob(dir string) error {
	fatal := os.Getenv(childStep)
	b, err := local.New(dir, local.Config{Step: func(step string) error {
		if step == fatal {
			return errors.Join(syscall.Kill(os.Getpid(), syscall.SIGKILL), errors.New("survived"))
		}
		return nil
	}})
	if err != nil {
		return err
	}
	return expectedErrors(scenario(b, dir))
}

// TestKilledAtEveryStep: wherever the process dies, each object is the old one or the new one, the store opens and works
// again, and Reclaim removes what is left.
func TestKilledAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, step := range local.Steps() {
		if step == "upload.discard.before" || step == "upload.discard.after" {
			continue // only after a failure
		}
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if step[:5] != "open." { // else the store is made by the child
				if err := prepare(openAt(t, dir, local.Config{Durability: local.Fast})); err != nil {
					t.Fatal(err)
				}
			}
			err := child(t, "scenario", dir, childStep+"="+step).Run()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || !exit.Sys().(syscall.WaitStatus).Signaled() {
				t.Fatalf("the child was not killed: %v", err)
			}
			b := openAt(t, dir, local.Config{Durability: local.Fast})
			if err := errors.Join(checkWhole(b), settle(b, dir), checkWhole(b), usable(b)); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestFailureAtEveryStep: whatever step fails, before or after it happened, the error is typed, each object is the old
// one or the new one, an operation that failed for certain changed nothing, and no temporary file stays that could be
// removed.
func TestFailureAtEveryStep(t *testing.T) {
	t.Parallel()
	for _, step := range slices.Collect(without(local.Steps(), "open")) {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			failed := 0
			var mu sync.Mutex
			armed := false
			b := openAt(t, dir, local.Config{Step: func(at string) error {
				mu.Lock()
				defer mu.Unlock()
				if !armed || at != step {
					return nil
				}
				failed++
				return &os.PathError{Op: "test", Path: at, Err: syscall.ENOSPC}
			}})
			if err := prepare(b); err != nil {
				t.Fatal(err)
			}
			armed = true
			errs := scenario(b, dir)
			armed = false
			if failed == 0 && step != "upload.discard.before" && step != "upload.discard.after" {
				t.Error("the step was never reached")
			}
			for _, err := range errs {
				if expectedErrors([]error{err}) != nil {
					checkInjected(t, err)
				}
			}
			if err := errors.Join(checkWhole(b), settle(b, dir), usable(b)); err != nil {
				t.Error(err)
			}
		})
	}
}

// checkInjected allows what follows from a full disk: the error itself, and operations on what was therefore not made.
func checkInjected(t *testing.T, err error) {
	t.Helper()
	var known *dossier.Error
	if !errors.As(err, &known) || known.Backend != "file" || known.Op == "" {
		t.Errorf("not an error of the backend: %v", err)
		return
	}
	full := errors.Is(err, dossier.ErrUnavailable) && errors.Is(err, syscall.ENOSPC)
	follows := known.Key == "" || errors.Is(err, dossier.ErrNotExist) || errors.Is(err, dossier.ErrInvalid) ||
		errors.Is(err, dossier.ErrInvalidKey)
	if !full && !follows {
		t.Errorf("unexpected: %v", err)
	}
	if errors.Is(err, os.ErrNotExist) && full {
		t.Errorf("a full disk looks like a missing object: %v", err)
	}
}

// TestOutcomeIsUnknownOnlyWhenItIs: a caller that is told "not applied" undoes the other half of its work.
func TestOutcomeIsUnknownOnlyWhenItIs(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]dossier.Outcome{
		"put.temp.before": dossier.OutcomeNotApplied, "put.temp.after": dossier.OutcomeNotApplied,
		"put.write.before": dossier.OutcomeNotApplied, "put.write.after": dossier.OutcomeNotApplied,
		"put.attributes.before": dossier.OutcomeNotApplied, "put.attributes.after": dossier.OutcomeNotApplied,
		"put.sync.before": dossier.OutcomeNotApplied, "put.sync.after": dossier.OutcomeNotApplied,
		"put.mkdir.before": dossier.OutcomeNotApplied, "put.rename.before": dossier.OutcomeNotApplied,
		"put.rename.after": dossier.OutcomeUnknown, "put.dirsync.before": dossier.OutcomeUnknown,
		"put.dirsync.after": dossier.OutcomeUnknown,
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			b := openAt(t, dir, local.Config{Step: func(at string) error {
				if at == step {
					return syscall.EIO
				}
				return nil
			}})
			_, err := b.Put(t.Context(), "folder/key", source("new"), dossier.PutOptions{})
			if dossier.OutcomeOf(err) != want || !errors.Is(err, dossier.ErrUnavailable) || !errors.Is(err, syscall.EIO) {
				t.Errorf("outcome %v of %v, want %v", dossier.OutcomeOf(err), err, want)
			}
			if _, stat := b.Stat(t.Context(), "folder/key"); (stat == nil) != (want == dossier.OutcomeUnknown) {
				t.Errorf("stat: %v", stat)
			}
			wantNothingLeft(t, dir)
		})
	}
}

// TestDeleteWhoseSyncFailedMayHaveHappened: the name is gone for everybody who looks, but may come back with the power.
func TestDeleteWhoseSyncFailedMayHaveHappened(t *testing.T) {
	t.Parallel()
	for step, want := range map[string]dossier.Outcome{
		"delete.unlink.before": dossier.OutcomeNotApplied, "delete.unlink.after": dossier.OutcomeUnknown,
		"delete.dirsync.before": dossier.OutcomeUnknown,
	} {
		t.Run(step, func(t *testing.T) {
			t.Parallel()
			b := openAt(t, t.TempDir(), local.Config{Step: func(at string) error {
				if at == step {
					return syscall.EIO
				}
				return nil
			}})
			put(t, b, "key", "x")
			err := b.Delete(t.Context(), "key", dossier.DeleteOptions{})
			if dossier.OutcomeOf(err) != want || !errors.Is(err, syscall.EIO) {
				t.Errorf("outcome %v of %v, want %v", dossier.OutcomeOf(err), err, want)
			}
		})
	}
}

// ExampleSteps shows how a harness reaches every moment of a Put.
func ExampleSteps() {
	for _, step := range local.Steps()[12:18] {
		fmt.Println(step)
	}
	// Output:
	// put.temp.before
	// put.temp.after
	// put.write.before
	// put.write.after
	// put.attributes.before
	// put.attributes.after
}
