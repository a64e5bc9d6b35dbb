package s3

import (
	"fmt"
	"time"

	"github.com/dossier-go/dossier"
)

// life is when a signature begins and ends, in whole seconds.
type life struct{ from, until time.Time }

func (l life) length() time.Duration { return l.until.Sub(l.from) }

// checkLife refuses what no server takes, though it could be signed.
func checkLife(ttl time.Duration) error {
	if ttl > dossier.MaxSignedLife {
		return fmt.Errorf("%w: a signature lives at most %v, not %v", dossier.ErrInvalid, dossier.MaxSignedLife, ttl)
	}
	return nil
}

// lifeOf rounds the beginning down to the window and the second, the end up to the second, and cuts it off at seven days and
// with the credentials, beyond which the store takes nothing.
func lifeOf(now time.Time, ttl, window time.Duration, credentials time.Time) (life, error) {
	if window > 0 {
		now = now.Truncate(window)
	}
	l := life{from: now.Truncate(time.Second), until: now.Add(ttl + time.Second - 1).Truncate(time.Second)}
	if most := l.from.Add(dossier.MaxSignedLife); l.until.After(most) {
		l.until = most
	}
	if !credentials.IsZero() && l.until.After(credentials) {
		l.until = credentials.Truncate(time.Second)
	}
	if !l.until.After(l.from) {
		return life{}, fmt.Errorf("%w: %w: the credentials ended at %s",
			dossier.ErrUnauthenticated, dossier.ErrExpired, credentials.UTC().Format(time.RFC3339))
	}
	return l, nil
}
