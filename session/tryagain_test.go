package session_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/session"
)

// Who finds out in its own code that another transaction would see more gets one.
func TestTryAgainIsTriedAgain(t *testing.T) {
	t.Parallel()
	w := newMemoryWorld(t, session.Options{})
	why, attempts := errors.New("too old"), 0
	err := w.RunWith(w.ctx, session.RunOptions{Attempts: 3}, func(context.Context, *session.Session) error {
		attempts++
		return session.TryAgain(why)
	})
	if wantError(t, err, why); attempts != 3 {
		t.Errorf("%d attempts", attempts)
	}
	unknown := fmt.Errorf("%w: %w", dossier.ErrOutcomeUnknown, session.TryAgain(why))
	if session.Retryable(unknown) || session.Retryable(why) || session.TryAgain(nil) != nil {
		t.Error("what must not be tried again is")
	}
}

func ExampleTryAgain() {
	m, _ := openExample(session.Options{})
	attempt := 0
	err := m.RunWith(context.Background(), session.RunOptions{Attempts: 2}, func(context.Context, *session.Session) error {
		if attempt++; attempt == 1 {
			return session.TryAgain(errors.New("the offer was changed meanwhile"))
		}
		return nil
	})
	fmt.Println(attempt, err)
	// Output: 2 <nil>
}
