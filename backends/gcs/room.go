package gcs

import (
	"context"
	"sync"

	"github.com/dossier-go/dossier"
)

// room bounds the memory of all uploads. An object that does not fit a scratch buffer takes one place, with one buffer of
// the size of a part. If it does not fit that either, the client's writer gets its content, which has a chunk of the same size of
// its own; for the moment in which both are there the upload takes the one place that is kept for that. Whoever is there
// waits for nothing, so uploads cannot wait for each other.
type room struct {
	places   chan struct{}
	handover chan struct{}
	buffers  sync.Pool
}

func newRoom(cfg Config) *room {
	r := &room{places: make(chan struct{}, cfg.Memory/cfg.PartSize-1), handover: make(chan struct{}, 1)}
	r.buffers.New = func() any {
		buffer := make([]byte, cfg.PartSize)
		return &buffer
	}
	return r
}

// take waits for a place.
func take(ctx context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	default:
	}
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return dossier.ContextError(ctx)
	}
}

// give frees a place.
func give(places chan struct{}) { <-places }
