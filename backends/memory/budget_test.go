package memory_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/memory"
)

// TestBudgetIsNeverExceededAndNothingIsLostByIt: a cache that grows with its input takes the process down, one that
// drops an object to refuse another loses data.
func TestBudgetIsNeverExceededAndNothingIsLostByIt(t *testing.T) {
	t.Parallel()
	b := memory.New(memory.Config{Budget: 10})
	put(t, b, "a", "12345678")
	_, err := b.Put(t.Context(), "b", source("123"), dossier.PutOptions{})
	wantError(t, err, dossier.ErrTooLarge)
	_, err = b.Put(t.Context(), "b", dossier.ReaderSource(strings.NewReader("123"), -1), dossier.PutOptions{})
	wantError(t, err, dossier.ErrTooLarge)
	_, err = b.Put(t.Context(), "a", source("123"), dossier.PutOptions{})
	wantError(t, err, dossier.ErrTooLarge) // both versions must fit
	_, err = b.Copy(t.Context(), "c", "a", dossier.CopyOptions{})
	wantError(t, err, dossier.ErrTooLarge)
	if got := content(t, b, "a"); got != "12345678" {
		t.Errorf("content %q", got)
	}
	put(t, b, "b", "12")
	if got := b.Describe().Limits.MaxObject; got != 10 {
		t.Errorf("the largest object is %d", got)
	}
}

// TestASourceOverTheBudgetIsNotRead when its size is known.
func TestASourceOverTheBudgetIsNotRead(t *testing.T) {
	t.Parallel()
	b := memory.New(memory.Config{Budget: 10})
	_, err := b.Put(t.Context(), "a", dossier.ReaderSource(panicking{strings.NewReader("")}, 11), dossier.PutOptions{})
	wantError(t, err, dossier.ErrTooLarge)
}

// TestBudgetComesBack after whatever took it: an account that leaks refuses everything in the end.
func TestBudgetComesBack(t *testing.T) {
	t.Parallel()
	full := strings.Repeat("x", 100)
	broke := errors.New("broke")
	for name, use := range map[string]func(b *memory.Backend, ctx context.Context) error{
		"delete": func(b *memory.Backend, ctx context.Context) error {
			_, err := b.Put(ctx, "a", source(full), dossier.PutOptions{})
			return errors.Join(err, b.Delete(ctx, "a", dossier.DeleteOptions{}))
		},
		"overwrite and delete": func(b *memory.Backend, ctx context.Context) error {
			_, err := b.Put(ctx, "a", source(full[:50]), dossier.PutOptions{})
			_, again := b.Put(ctx, "a", source(full[:50]), dossier.PutOptions{})
			return errors.Join(err, again, b.Delete(ctx, "a", dossier.DeleteOptions{}))
		},
		"failed source": func(b *memory.Backend, ctx context.Context) error {
			_, err := b.Put(ctx, "a", failing(full, broke), dossier.PutOptions{})
			return unless(err, broke)
		},
		"panicking source": func(b *memory.Backend, ctx context.Context) (err error) {
			defer func() {
				if recover() != nil {
					err = nil
				}
			}()
			_, err = b.Put(context.WithoutCancel(ctx), "a", dossier.ReaderSource(panicking{strings.NewReader(full)}, -1), dossier.PutOptions{})
			return errors.Join(err, errors.New("no panic"))
		},
		"failed condition": func(b *memory.Backend, ctx context.Context) error {
			opts := dossier.PutOptions{If: dossier.Condition{Match: "x"}}
			_, err := b.Put(ctx, "a", source(full), opts)
			return unless(err, dossier.ErrPrecondition)
		},
		"wrong checksum": func(b *memory.Backend, ctx context.Context) error {
			opts := dossier.PutOptions{Expect: dossier.Checksums{CRC32C: make([]byte, 4)}}
			_, err := b.Put(ctx, "a", source(full), opts)
			return unless(err, dossier.ErrChecksum)
		},
		"copy, move and update": func(b *memory.Backend, ctx context.Context) error {
			_, err := b.Put(ctx, "a", source(full[:50]), dossier.PutOptions{})
			_, copied := b.Copy(ctx, "b", "a", dossier.CopyOptions{})
			_, moved := b.Move(ctx, "c", "a", dossier.CopyOptions{})
			_, over := b.Move(ctx, "b", "c", dossier.CopyOptions{Replace: &dossier.Replacement{}})
			_, self := b.Move(ctx, "b", "b", dossier.CopyOptions{Replace: &dossier.Replacement{}})
			_, updated := b.UpdateHeader(ctx, "b", dossier.Replacement{}, dossier.Condition{})
			return errors.Join(err, copied, moved, over, self, updated, b.Delete(ctx, "b", dossier.DeleteOptions{}))
		},
		"parts": useParts(full),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := memory.New(memory.Config{Budget: 100})
			if err := use(b, t.Context()); err != nil {
				t.Error(err)
			}
			put(t, b, "everything", full)
		})
	}
}

func useParts(full string) func(b *memory.Backend, ctx context.Context) error {
	return func(b *memory.Backend, ctx context.Context) error {
		first, err := b.CreateUpload(ctx, "a", dossier.PutOptions{})
		_, one := b.PutPart(ctx, first, 1, source(full[:20]))
		part, two := b.PutPart(ctx, first, 1, source(full[:30]))
		_, unused := b.PutPart(ctx, first, 2, source(full[:30]))
		_, completed := b.CompleteUpload(ctx, first, []dossier.Part{part})
		second, created := b.CreateUpload(ctx, "a", dossier.PutOptions{})
		_, three := b.PutPart(ctx, second, 1, source(full[:60]))
		_, four := b.PutPart(ctx, second, 2, source(full[:60]))
		return errors.Join(err, one, two, unused, completed, created, three, unless(four, dossier.ErrTooLarge),
			b.AbortUpload(ctx, second), b.Delete(ctx, "a", dossier.DeleteOptions{}))
	}
}

// unless forgives one error.
func unless(err, expected error) error {
	if errors.Is(err, expected) {
		return nil
	}
	return errors.Join(err, errors.New("another error was expected"))
}
