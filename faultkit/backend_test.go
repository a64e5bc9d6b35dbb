package faultkit_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/backendtest"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/backends/memory"
	"github.com/dossier-go/dossier/faultkit"
)

// With no fault set the wrapper is the backend below: it keeps the whole contract. Not parallel: goroutines are counted.
func TestBackendConformance(t *testing.T) {
	backendtest.Run(t, backendtest.Harness{New: func(*testing.T) dossier.Backend {
		return faultkit.Wrap(memory.New(memory.Config{}), &faultkit.Points{})
	}, Small: true})
}

// wrapped is a memory store behind points, with one object of 1,000 bytes.
func wrapped(t *testing.T) (*faultkit.Backend, *faultkit.Points) {
	t.Helper()
	points := &faultkit.Points{}
	b := faultkit.Wrap(memory.New(memory.Config{}), points)
	if _, err := b.Put(t.Context(), "old", dossier.BytesSource(make([]byte, 1000)), dossier.PutOptions{}); err != nil {
		t.Fatal(err)
	}
	return b, points
}

func exists(t *testing.T, b *faultkit.Backend, key string) bool {
	t.Helper()
	_, err := b.Inner.Stat(t.Context(), key)
	if err != nil && !errors.Is(err, dossier.ErrNotExist) {
		t.Fatal(err)
	}
	return err == nil
}

// changes are the operations with an effect that can be seen: an object comes or goes.
var changes = []struct {
	name  string
	do    func(ctx context.Context, b *faultkit.Backend) error
	key   string
	comes bool
}{
	{"put", func(ctx context.Context, b *faultkit.Backend) error {
		_, err := b.Put(ctx, "new", dossier.BytesSource([]byte("x")), dossier.PutOptions{})
		return err
	}, "new", true},
	{"copy", func(ctx context.Context, b *faultkit.Backend) error {
		_, err := b.Copy(ctx, "new", "old", dossier.CopyOptions{})
		return err
	}, "new", true},
	{"move", func(ctx context.Context, b *faultkit.Backend) error {
		_, err := b.Move(ctx, "new", "old", dossier.CopyOptions{})
		return err
	}, "new", true},
	{"delete", func(ctx context.Context, b *faultkit.Backend) error {
		return b.Delete(ctx, "old", dossier.DeleteOptions{})
	}, "old", false},
	{"deletebatch", func(ctx context.Context, b *faultkit.Backend) (failed error) {
		for _, err := range b.DeleteBatch(ctx, slices.Values([]string{"old"})) {
			failed = errors.Join(failed, err)
		}
		return failed
	}, "old", false},
}

// A fault before an operation says that nothing happened, and nothing has; a fault after it says that nobody knows, and
// it has happened: this is the lost answer that callers must survive.
func TestFaultsComeBeforeOrAfterTheEffect(t *testing.T) {
	t.Parallel()
	for _, change := range changes {
		for moment, outcome := range map[string]dossier.Outcome{
			".before": dossier.OutcomeNotApplied, ".after": dossier.OutcomeUnknown,
		} {
			t.Run(change.name+moment, func(t *testing.T) {
				t.Parallel()
				b, points := wrapped(t)
				points.Next(change.name+moment, faultkit.Fail(errInjected))
				err := change.do(t.Context(), b)
				if !errors.Is(err, errInjected) || dossier.OutcomeOf(err) != outcome {
					t.Errorf("%v, outcome %v", err, dossier.OutcomeOf(err))
				}
				happened := exists(t, b, change.key) == change.comes
				if want := outcome == dossier.OutcomeUnknown; happened != want {
					t.Errorf("it happened: %v, want %v", happened, want)
				}
			})
		}
	}
}

// An operation that fails by itself has its own error, and no lost answer on top.
func TestAfterIsHitOnlyBySuccess(t *testing.T) {
	t.Parallel()
	b, points := wrapped(t)
	if _, err := b.Get(t.Context(), "none", dossier.GetOptions{}); !errors.Is(err, dossier.ErrNotExist) {
		t.Error(err)
	}
	if points.Count("get.before") != 1 || points.Count("get.after") != 0 {
		t.Errorf("counts: %v", points.Counts())
	}
}

// An injected error keeps what a store says about trying again, so that retry loops can be tested.
func TestInjectedErrorsStayRetryable(t *testing.T) {
	t.Parallel()
	b, points := wrapped(t)
	points.Next("stat.before", faultkit.Fail(&dossier.Error{Kind: dossier.ErrThrottled, Retryable: true, RetryAfter: 7}))
	_, err := b.Stat(t.Context(), "old")
	var failure *dossier.Error
	if !errors.As(err, &failure) || !failure.Retryable || failure.RetryAfter != 7 || !errors.Is(err, dossier.ErrThrottled) {
		t.Errorf("%+v", err)
	}
}

// A source that breaks half-way fails the Put with the source's error and leaves nothing; a source that ends early is
// not taken for whole. Sources that can be read once are cut like others.
func TestCutSourcesLeaveNoObject(t *testing.T) {
	t.Parallel()
	content := make([]byte, 300)
	for name, source := range map[string]func() dossier.Source{
		"replayable": func() dossier.Source { return dossier.BytesSource(content) },
		"once": func() dossier.Source {
			return dossier.ReaderSource(iotest.OneByteReader(bytes.NewReader(content)), 300)
		},
	} {
		for end, want := range map[error]error{errInjected: errInjected, io.EOF: dossier.ErrShortSource} {
			b, points := wrapped(t)
			points.Next("put.before", faultkit.Cut(100, end))
			_, err := b.Put(t.Context(), "new", source(), dossier.PutOptions{})
			if !errors.Is(err, want) || exists(t, b, "new") {
				t.Errorf("%s: %v, want %v; there is an object: %v", name, err, want, exists(t, b, "new"))
			}
			if n := b.Usage("put").Bytes - 1000; n != 100 {
				t.Errorf("%s: %d bytes flowed, not 100", name, n)
			}
		}
	}
}

// A Put that is cancelled while its source blocks returns at once, as without the wrapper, and the source is not read
// again when it comes back.
func TestACancelledPutDoesNotWaitForItsSource(t *testing.T) {
	t.Parallel()
	b, _ := wrapped(t)
	ctx, cancel := context.WithCancel(t.Context())
	source, feed := io.Pipe()
	go func() {
		_, _ = feed.Write([]byte("first")) // it ends when the pipe is closed
		cancel()
	}()
	_, err := b.Put(ctx, "new", dossier.ReaderSource(source, -1), dossier.PutOptions{})
	if !errors.Is(err, context.Canceled) || exists(t, b, "new") {
		t.Errorf("%v; there is an object: %v", err, exists(t, b, "new"))
	}
	if err := source.Close(); err != nil {
		t.Error(err)
	}
}

// A body that breaks half-way delivers what came before and then the error; one that ends early is never taken for whole.
func TestCutBodiesAreNotWhole(t *testing.T) {
	t.Parallel()
	for end, want := range map[error]error{errInjected: errInjected, io.EOF: io.ErrUnexpectedEOF} {
		b, points := wrapped(t)
		points.Next("get.before", faultkit.Cut(400, end))
		object, err := b.Get(t.Context(), "old", dossier.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(object)
		if len(content) != 400 || !errors.Is(err, want) {
			t.Errorf("%d bytes, then %v, want 400 and %v", len(content), err, want)
		}
		if err := object.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Readers that take one Read for the whole content must fail a test, so bytes can be made to trickle.
func TestTrickleBoundsEveryRead(t *testing.T) {
	t.Parallel()
	b, points := wrapped(t)
	points.At("get.before", 0, faultkit.Trickle(3))
	object, err := b.Get(t.Context(), "old", dossier.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer object.Close()
	if n, err := object.Read(make([]byte, 100)); n != 3 || err != nil {
		t.Errorf("the first read: %d bytes, %v", n, err)
	}
	if rest, err := io.ReadAll(object); len(rest) != 997 || err != nil {
		t.Errorf("the rest: %d bytes, %v", len(rest), err)
	}
}

// A stream action at a point without a stream is a mistake of the test, not a silent nothing.
func TestCutElsewhereIsAnError(t *testing.T) {
	t.Parallel()
	b, points := wrapped(t)
	points.Next("stat.before", faultkit.Cut(1, io.EOF))
	if _, err := b.Stat(t.Context(), "old"); err == nil {
		t.Error("a cut at stat.before did nothing")
	}
}

// Budgets of bytes and calls can be asserted: a range of the last bytes must not read the whole object.
func TestUsageCountsCallsAndBytes(t *testing.T) {
	t.Parallel()
	b, _ := wrapped(t)
	b.ResetUsage()
	object, err := b.Get(t.Context(), "old", dossier.GetOptions{Range: dossier.Range{Offset: -10}})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(io.Discard, object); err != nil {
		t.Error(err)
	}
	if err := object.Close(); err != nil {
		t.Error(err)
	}
	for _, err := range dossier.List(t.Context(), b, dossier.ListOptions{}) {
		if err != nil {
			t.Error(err)
		}
	}
	if got := b.Usage("get"); got != (faultkit.Usage{Calls: 1, Bytes: 10}) {
		t.Errorf("get: %+v", got)
	}
	if b.Usage("list").Calls != 1 || b.Usage("put").Calls != 0 {
		t.Errorf("list: %+v, put: %+v", b.Usage("list"), b.Usage("put"))
	}
}

// The wrapper has the abilities of the backend below, so code under test takes the same path with it and without.
func TestBackendOffersWhatTheInnerOneDoes(t *testing.T) {
	t.Parallel()
	store, err := local.New(t.TempDir(), local.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	full, bare := faultkit.Wrap(store, nil), faultkit.Wrap(bareBackend{store}, nil)
	if _, ok := dossier.As[dossier.Reclaimer](full); !ok {
		t.Error("reclaim is lost")
	}
	if _, ok := dossier.As[dossier.Reclaimer](bare); ok {
		t.Error("reclaim is invented")
	}
	if _, ok := dossier.As[dossier.Lister](bare); ok {
		t.Error("list is invented")
	}
}

// bareBackend has the required methods only.
type bareBackend struct{ dossier.Backend }

// Steps lists every point that an operation can hit: harnesses go by it.
func TestStepsListEveryPoint(t *testing.T) {
	t.Parallel()
	b, points := wrapped(t)
	for _, change := range changes {
		if err := change.do(t.Context(), b); err != nil && !errors.Is(err, dossier.ErrNotExist) {
			t.Fatal(err)
		}
	}
	for point := range points.Counts() {
		if !slices.Contains(faultkit.Steps(), point) {
			t.Errorf("%s is not listed", point)
		}
	}
	if len(faultkit.Steps()) != 2*19 {
		t.Errorf("%d points are listed", len(faultkit.Steps()))
	}
}
