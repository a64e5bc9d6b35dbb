package backendtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing/iotest"

	"github.com/dossier-go/dossier"
)

func sourceCases() []contractCase {
	return []contractCase{
		{
			name: "put/failing reader", groups: []int{1, 3}, run: putFailingReader,
			sentence: "The error Is the reader's error when the source failed; the previous object is untouched.",
		},
		{
			name: "put/panicking reader", groups: []int{2}, run: putPanickingReader,
			sentence: "A panic of the source stores nothing and leaves nothing behind.",
		},
		{
			name: "put/lying reader", groups: []int{3}, run: putLyingReader,
			sentence: "A source that breaks the rules of io.Reader stores nothing.",
		},
		{
			name: "put/declared size", groups: []int{4}, run: putDeclaredSize,
			sentence: "A source that is shorter than it declared is ErrShortSource, a longer one ErrInvalid; nothing is stored.",
		},
		{
			name: "put/largest size", groups: []int{6}, run: putMaxSize,
			sentence: "MaxSize is the largest accepted size; more is ErrTooLarge and stores nothing.",
		},
		{
			name: "put/source is used once", groups: []int{1, 7}, run: putUsesSourceOnce,
			sentence: "Put never reads src after it returned, and closes what it opened.",
		},
	}
}

// contexts are one that may end and one that cannot; sources are read differently under the two.
func (t *trial) contexts() map[string]context.Context {
	return map[string]context.Context{"cancelable": t.ctx, "endless": context.WithoutCancel(t.ctx)}
}

// refused puts a source that must fail over nothing and over an object, and expects both as they were.
func (t *trial) refused(what string, source func() dossier.Source, opts dossier.PutOptions, kind error) {
	t.Helper()
	before := t.putWith("old", "old content", t.options())
	for name, ctx := range t.contexts() {
		for _, key := range []string{"new", "old"} {
			_, err := t.backend.Put(ctx, key, source(), opts)
			if err == nil {
				t.Errorf("%s, %s: stored as %s", what, name, key)
			}
			if dossier.OutcomeOf(err) != dossier.OutcomeNotApplied {
				t.Errorf("%s, %s: %v; nothing is unknown here", what, name, err)
			}
			t.wants(what+", "+name, err, kind)
		}
		t.absent("new")
		t.unchanged(before, "old content")
	}
}

func putFailingReader(t *trial) {
	unit := t.harness.unit()
	for _, n := range []int{0, 1, 511, unit - 1, unit, 3 * unit} {
		content := pattern("failing", n)
		for _, size := range []int64{-1, int64(n), int64(n) + 100} {
			source := func() dossier.Source { return dossier.ReaderSource(failing(content, errSender), size) }
			t.refused(fmt.Sprintf("fails after %d of %d bytes", n, size), source, dossier.PutOptions{}, errSender)
		}
		wrapped := fmt.Errorf("connection: %w", io.EOF)
		source := func() dossier.Source { return dossier.ReaderSource(failing(content, wrapped), -1) }
		t.refused(fmt.Sprintf("fails with a wrapped io.EOF after %d bytes", n), source, dossier.PutOptions{}, wrapped)
		source = func() dossier.Source {
			return dossier.ReaderSource(iotest.DataErrReader(failing(content, io.ErrUnexpectedEOF)), -1)
		}
		t.refused(fmt.Sprintf("breaks off with byte %d", n), source, dossier.PutOptions{}, io.ErrUnexpectedEOF)
	}
	source := func() dossier.Source {
		return dossier.OpenerSource(func() (io.ReadCloser, error) { return nil, errSender }, -1)
	}
	t.refused("cannot be opened", source, dossier.PutOptions{}, errSender)
	consumed := dossier.ReaderSource(plain(""), -1)
	if _, err := consumed.Open(); err != nil {
		t.Fatal(err)
	}
	t.refused("was read before", func() dossier.Source { return consumed }, dossier.PutOptions{}, dossier.ErrConsumed)
}

// attempt is Put with a panic as error.
func (t *trial) attempt(ctx context.Context, key string, src dossier.Source) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			err = fmt.Errorf("panic: %v", cause)
		}
	}()
	_, err = t.backend.Put(ctx, key, src, dossier.PutOptions{})
	return err
}

func putPanickingReader(t *trial) {
	before := t.putWith("old", "old content", t.options())
	for _, n := range []int{0, 1, 3 * t.harness.unit()} {
		for name, ctx := range t.contexts() {
			for _, key := range []string{"new", "old"} {
				src := dossier.ReaderSource(panicking{plain(pattern("panic", n))}, -1)
				if err := t.attempt(ctx, key, src); err == nil {
					t.Errorf("%s, panic after %d bytes: stored", name, n)
				}
			}
			t.absent("new")
			t.unchanged(before, "old content")
		}
	}
	t.put("old", "new content") // no lock is held
	t.holds("old", "new content")
}

func putLyingReader(t *trial) {
	for what, reader := range map[string]io.Reader{
		"a count that is too large": lying{1 << 40}, "a negative count": lying{-1},
	} {
		t.refused(what, func() dossier.Source { return dossier.ReaderSource(reader, -1) }, dossier.PutOptions{}, dossier.ErrInvalid)
	}
	source := func() dossier.Source { return dossier.ReaderSource(idle{}, -1) }
	t.refused("reads nothing forever", source, dossier.PutOptions{}, io.ErrNoProgress)
}

func putDeclaredSize(t *trial) {
	for _, n := range []int{0, 1, 100, 2 * t.harness.unit()} {
		content := pattern("declared", n)
		for _, more := range []int{1, 1000} {
			source := func() dossier.Source { return dossier.ReaderSource(plain(content), int64(n+more)) }
			t.refused(fmt.Sprintf("%d of %d bytes", n, n+more), source, dossier.PutOptions{}, dossier.ErrShortSource)
			source = func() dossier.Source {
				return dossier.ReaderSource(plain(content+pattern("more", more)), int64(n))
			}
			t.refused(fmt.Sprintf("%d bytes declared as %d", n+more, n), source, dossier.PutOptions{}, dossier.ErrInvalid)
			source = func() dossier.Source {
				open := func() (io.ReadCloser, error) { return io.NopCloser(plain(content)), nil }
				return dossier.OpenerSource(open, int64(n+more))
			}
			t.refused(fmt.Sprintf("replayable, %d of %d bytes", n, n+more), source, dossier.PutOptions{}, dossier.ErrShortSource)
		}
	}
}

func putMaxSize(t *trial) {
	for _, limit := range []int{1, 1000, 2 * t.harness.unit()} {
		opts := dossier.PutOptions{MaxSize: int64(limit)}
		content := pattern("limit", limit)
		for _, size := range []int64{-1, int64(limit)} {
			if _, err := t.backend.Put(t.ctx, "a", dossier.ReaderSource(plain(content), size), opts); err != nil {
				t.Errorf("%d bytes at the limit: %v", limit, err)
			}
			t.holds("a", content)
		}
		for _, more := range []int{1, 3 * t.harness.unit()} {
			for _, size := range []int64{-1, int64(limit + more)} {
				source := func() dossier.Source { return dossier.ReaderSource(plain(pattern("limit", limit+more)), size) }
				t.refused(fmt.Sprintf("%d over %d bytes, declared %d", more, limit, size), source, opts, dossier.ErrTooLarge)
			}
		}
	}
}

func putUsesSourceOnce(t *trial) {
	content := pattern("once", 2*t.harness.unit())
	for name, row := range map[string]struct {
		end  error
		opts dossier.PutOptions
		want error
	}{
		"success":   {},
		"failure":   {end: errSender, want: errSender},
		"too large": {opts: dossier.PutOptions{MaxSize: 10}, want: dossier.ErrTooLarge},
	} {
		w := &watched{content: content, end: row.end}
		_, err := t.backend.Put(t.ctx, "a", w.source(), row.opts)
		w.over.Store(true)
		if !errors.Is(err, row.want) {
			t.Errorf("%s: %v, want %v", name, err, row.want)
		}
		if open, late := w.open.Load(), w.late.Load(); open != 0 || late != 0 || w.opened.Load() == 0 {
			t.Errorf("%s: opened %d times, %d still open, %d reads after the return", name, w.opened.Load(), open, late)
		}
	}
}
