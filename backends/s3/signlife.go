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
	end := now.Add(ttl)
	from, until := now.Unix(), end.Unix()
	if end.Nanosecond() > 0 {
		until++
	}
	until = min(until, from+int64(dossier.MaxSignedLife/time.Second))
	if !credentials.IsZero() {
		until = min(until, credentials.Unix())
	}
	if until <= from {
		return life{}, fmt.Errorf("%w: %w: the credentials ended at %s",
			dossier.ErrUnauthenticated, dossier.ErrExpired, credentials.UTC().Format(time.RFC3339))
	}
	return life{time.Unix(from, 0), time.Unix(until, 0)}, nil
}
