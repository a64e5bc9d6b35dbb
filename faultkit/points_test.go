package faultkit_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dossier-go/dossier/faultkit"
	"github.com/dossier-go/dossier/internal/filelock"
)

var errInjected = errors.New("injected")

// An action happens at the hit that was asked for and at no other, or a crash test would test another step.
func TestActionsHappenAtTheirHit(t *testing.T) {
	t.Parallel()
	points := &faultkit.Points{}
	points.At("a", 2, faultkit.Fail(errInjected))
	for n, want := range []error{nil, errInjected, nil} {
		if err := points.Hit("a"); !errors.Is(err, want) || want == nil && err != nil {
			t.Errorf("hit %d of a: %v, want %v", n+1, err, want)
		}
		if err := points.Hit("b"); err != nil {
			t.Errorf("hit %d of b: %v", n+1, err)
		}
	}
	if n := points.Count("a"); n != 3 {
		t.Errorf("a was hit %d times, not 3", n)
	}
	if counts := points.Counts(); len(counts) != 2 || counts["b"] != 3 || points.Count(faultkit.Any) != 6 {
		t.Errorf("counts are %v, %d in all", counts, points.Count(faultkit.Any))
	}
}

// Zero means every hit, Next the next one, Any all names, nil takes an action back; what is more special goes first.
func TestActionsAreFoundFromSpecialToGeneral(t *testing.T) {
	t.Parallel()
	every, third, next, fifth := errors.New("every"), errors.New("third"), errors.New("next"), errors.New("fifth of any")
	points := &faultkit.Points{}
	points.At("a", 0, faultkit.Fail(every))
	points.At("a", 3, faultkit.Fail(third))
	points.At(faultkit.Any, 5, faultkit.Fail(fifth))
	hit := func(name string, want error) {
		t.Helper()
		if err := points.Hit(name); err != want { //nolint:errorlint // the very error
			t.Errorf("%s: %v, want %v", name, err, want)
		}
	}
	hit("a", every)
	points.Next("a", faultkit.Fail(next))
	hit("a", next)
	hit("a", third)
	hit("b", nil)
	hit("b", fifth)
	points.At("a", 0, nil)
	hit("a", nil)
}

// Programs may carry points that a production build leaves nil.
func TestNilPointsDoNothing(t *testing.T) {
	t.Parallel()
	var points *faultkit.Points
	if err := points.Hit("a"); err != nil || points.Count("a") != 0 || len(points.Counts()) != 0 {
		t.Errorf("nil points answered %v", err)
	}
}

// Uploads hit points in parallel: no hit may get lost, and the n-th hit is one hit.
func TestPointsAreSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	points := &faultkit.Points{}
	points.At("a", 500, faultkit.Fail(errInjected))
	var mu sync.Mutex
	failed := 0
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() {
			for range 100 {
				if points.Hit("a") != nil {
					mu.Lock()
					failed++
					mu.Unlock()
				}
			}
		})
	}
	group.Wait()
	if points.Count("a") != 1000 || failed != 1 {
		t.Errorf("%d hits, %d of them the 500th", points.Count("a"), failed)
	}
}

// An action runs outside the lock: others go on while one blocks, as the test of a race needs.
func TestABlockedPointBlocksNobodyElse(t *testing.T) {
	t.Parallel()
	points := &faultkit.Points{}
	reached, release := make(chan struct{}), make(chan struct{})
	points.At("a", 1, func(context.Context) error {
		close(reached)
		<-release
		return errInjected
	})
	blocked := make(chan error)
	go func() { blocked <- points.Hit("a") }()
	<-reached
	if err := points.Hit("b"); err != nil {
		t.Error(err)
	}
	close(release)
	if err := <-blocked; !errors.Is(err, errInjected) {
		t.Errorf("the blocked hit answered %v", err)
	}
}

// A delay is over in time, and at once when the operation is cancelled, with its cause.
func TestDelayEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		points := &faultkit.Points{}
		points.At("slow", 0, faultkit.Delay(time.Hour))
		start := time.Now()
		if err := points.HitContext(t.Context(), "slow"); err != nil || time.Since(start) != time.Hour {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Minute, func() { cancel(errInjected) })
		start = time.Now()
		if err := points.HitContext(ctx, "slow"); !errors.Is(err, errInjected) || time.Since(start) != time.Minute {
			t.Errorf("after %v: %v", time.Since(start), err)
		}
	})
}

// killVariable makes the test binary a process that kills itself.
const killVariable = "DOSSIER_FAULTKIT_KILL"

// Kill ends the process like SIGKILL: no deferred function runs, nothing is printed any more.
func TestKillRunsNothingDeferred(t *testing.T) {
	t.Parallel()
	executable, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), executable)
	command.Env = append(os.Environ(), killVariable+"=1")
	text, err := command.CombinedOutput()
	if err == nil || string(text) != "alive\n" {
		t.Errorf("the process said %q and ended with %v", text, err)
	}
	if filelock.Supported && err != nil && err.Error() != "signal: killed" { // on the systems that have signals
		t.Errorf("it ended with %v, not by SIGKILL", err)
	}
}

// killMain is the program of that process.
func killMain() {
	defer os.Stdout.WriteString("deferred\n")
	points := &faultkit.Points{}
	points.At("end", 1, faultkit.Kill)
	os.Stdout.WriteString("alive\n")
	if err := points.Hit("end"); err != nil {
		os.Stdout.WriteString(err.Error())
	}
}
