package gcs

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"time"

	"google.golang.org/api/googleapi"
	"google.golang.org/api/iterator"

	"github.com/dossier-go/dossier"
)

// How often a request is made, and how long the pauses in between are.
const (
	maxAttempts  = 4
	firstPause   = 100 * time.Millisecond
	longestPause = 2 * time.Second
)

// errBroken is the reason why a read ends whose connection breaks again and again.
var errBroken = errors.New("the connection broke again and again without a byte in between")

// unknownIf says that an earlier request may have taken effect.
func unknownIf(lost bool, err error) error {
	if !lost {
		return err
	}
	return fmt.Errorf("%w: %w", dossier.ErrOutcomeUnknown, err)
}

// retry calls do until it succeeds, fails for good, or failed often enough. lost says that a call before, or the last one,
// may have taken effect although it failed: the error of the last one is then perhaps about the effect of one before. The pauses
// double, beginning with first.
func retry(ctx context.Context, first time.Duration, do func() error) (lost bool, err error) {
	for attempt := 1; ; attempt++ {
		err = do()
		lost = lost || maybeApplied(err)
		switch {
		case err != nil && ctx.Err() != nil && status(err) == 0:
			return lost, dossier.ContextError(ctx)
		case err == nil, !transient(err), attempt == maxAttempts:
			return lost, err
		}
		if !pause(ctx, first<<(attempt-1), err) {
			return lost, dossier.ContextError(ctx)
		}
	}
}

// pause waits about so long, and at least as long as the store asked for if that is not too long.
func pause(ctx context.Context, wait time.Duration, err error) bool {
	wait = min(wait, longestPause)
	wait = wait/2 + rand.N(wait/2) //nolint:gosec // chance, not a secret
	var answer *googleapi.Error
	if errors.As(err, &answer) {
		wait = max(wait, min(retryAfter(answer.Header), longestPause))
	}
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// absent explains an answer that something is missing. The object is said to be missing only if the store says so, or
// if it turns out that the bucket is there.
func (b *Backend) absent(ctx context.Context, err error) error {
	switch namedMissing(err) {
	case "object":
		return fmt.Errorf("%w: %w", dossier.ErrNotExist, err)
	case "bucket":
		return b.noBucket(err)
	}
	look := b.look(ctx)
	switch {
	case look == nil, errors.Is(look, iterator.Done), status(look) == http.StatusForbidden: // whoever may not list sees 403
		return fmt.Errorf("%w: %w", dossier.ErrNotExist, err)
	case missing(look):
		return b.noBucket(look)
	default:
		return look
	}
}

// look asks for one object of the bucket, and returns nil or iterator.Done if that can be listed.
func (b *Backend) look(ctx context.Context) error {
	g := newGuard(ctx, b.cfg.StallTimeout)
	defer g.end()
	return g.explain(g.during(func() error { _, err := b.bucket.Objects(g.ctx, onlyNames("", 1)).Next(); return err }))
}

func (b *Backend) noBucket(err error) error {
	return fmt.Errorf("%w: the bucket %q: %w; create it or correct the name", dossier.ErrNoContainer, b.name, err)
}
