package backendtest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/dossier-go/dossier"
)

func cancelCases() []contractCase {
	return []contractCase{
		{
			name: "cancel/before", groups: []int{7}, run: cancelBefore,
			sentence: "A context that has ended ends every operation before any side effect; the error Is the context's.",
		},
		{
			name: "cancel/during a put", groups: []int{7}, run: cancelDuringPut,
			sentence: "A Put whose context ends stores nothing; the error Is the context's.",
		},
		{
			name: "cancel/while the reader blocks", groups: []int{7, 2}, run: cancelBlockedPut,
			sentence: "Put returns when its context ends although the source delivers nothing.",
		},
		{
			name: "cancel/after", groups: []int{7}, run: cancelAfter,
			sentence: "A context that ends after a Put changes nothing.",
		},
		{
			name: "cancel/while listing", groups: []int{43}, extensions: []extension{lister}, run: cancelListing,
			sentence: "A listing whose context ends is an error, never a short list.",
		},
	}
}

// errUser is why a caller cancelled.
var errUser = errors.New("the user left")

// ended are contexts that have ended, each with the error that says so.
func (t *trial) ended() map[error]context.Context {
	cancelled, cancel := context.WithCancelCause(t.ctx)
	cancel(errUser)
	late, stop := context.WithDeadlineCause(t.ctx, time.Now().Add(-time.Hour), errUser)
	t.Cleanup(stop)
	return map[error]context.Context{context.Canceled: cancelled, context.DeadlineExceeded: late}
}

func cancelBefore(t *trial) {
	before := t.put("a", "content")
	for want, ctx := range t.ended() {
		w := &watched{content: "new content"}
		_, put := t.backend.Put(ctx, "a", w.source(), dossier.PutOptions{})
		_, fresh := t.backend.Put(ctx, "new", w.source(), dossier.PutOptions{})
		object, get := t.backend.Get(ctx, "a", dossier.GetOptions{})
		if get == nil {
			object.Close()
		}
		_, stat := t.backend.Stat(ctx, "a")
		_, copied := dossier.Copy(ctx, t.backend, "new", "a", dossier.CopyOptions{})
		_, moved := dossier.Move(ctx, t.backend, "new", "a", dossier.CopyOptions{})
		for name, err := range map[string]error{
			"put": put, "put of a new key": fresh, "get": get, "stat": stat, "copy": copied, "move": moved,
			"delete": t.backend.Delete(ctx, "a", dossier.DeleteOptions{}),
			"batch":  firstError(dossier.DeleteBatch(ctx, t.backend, slices.Values([]string{"a"}))),
		} {
			t.wants(name, err, want)
		}
		if lister.in(t.backend) {
			t.wants("list", firstError(dossier.List(ctx, t.backend, dossier.ListOptions{})), want)
		}
		if w.open.Load() != 0 {
			t.Error("the source is still open")
		}
		t.absent("new")
		t.unchanged(before, "content")
	}
}

func cancelDuringPut(t *trial) {
	unit := t.harness.unit()
	before := t.putWith("old", "old content", t.options())
	for _, n := range []int{1, unit, 3*unit + 1} {
		for _, key := range []string{"new", "old"} {
			for _, size := range []int64{-1, int64(n) + 1} {
				ctx, cancel := context.WithCancelCause(t.ctx)
				rest := &calling{rest: plain("x"), before: func() { cancel(errUser) }}
				reader := io.MultiReader(plain(pattern("cancel", n)), rest)
				rest.begun = true
				_, err := t.backend.Put(ctx, key, dossier.ReaderSource(reader, size), dossier.PutOptions{})
				t.wants(fmt.Sprintf("cancelled after %d bytes", n), err, context.Canceled)
				cancel(nil)
			}
		}
		t.absent("new")
		t.unchanged(before, "old content")
	}
}

func cancelBlockedPut(t *trial) {
	before := t.putWith("old", "old content", t.options())
	for _, n := range []int{0, 1, 2 * t.harness.unit()} {
		for _, key := range []string{"new", "old"} {
			reader, writer := io.Pipe()
			ctx, cancel := context.WithCancel(t.ctx)
			blocked := make(chan struct{})
			go func() {
				_, _ = io.WriteString(writer, pattern("blocked", n)) // returns when all was read
				close(blocked)
			}()
			go func() { <-blocked; cancel() }()
			t.within("a cancelled Put", func() {
				_, err := t.backend.Put(ctx, key, dossier.ReaderSource(reader, -1), dossier.PutOptions{})
				t.wants(fmt.Sprintf("cancelled while blocked after %d bytes", n), err, context.Canceled)
			})
			writer.CloseWithError(errSender) // lets the abandoned reader return
			cancel()
		}
		t.absent("new")
		t.unchanged(before, "old content")
	}
}

func cancelAfter(t *trial) {
	ctx, cancel := context.WithCancel(t.ctx)
	before, err := t.backend.Put(ctx, "a", dossier.BytesSource([]byte("content")), dossier.PutOptions{})
	cancel()
	if err != nil {
		t.Fatal(err)
	}
	t.unchanged(before, "content")
}

func cancelListing(t *trial) {
	for i := range 20 {
		t.put(fmt.Sprintf("a/%02d", i), "")
	}
	for _, size := range []int{0, 1, 3} {
		ctx, cancel := context.WithCancelCause(t.ctx)
		count := 0
		var last error
		for _, err := range dossier.List(ctx, t.backend, dossier.ListOptions{PageSize: size}) {
			if last = err; err == nil {
				count++
			}
			cancel(errUser)
		}
		if count < 20 {
			t.wants(fmt.Sprintf("a listing cut after %d of 20", count), last, context.Canceled)
		}
		cancel(nil)
	}
}
