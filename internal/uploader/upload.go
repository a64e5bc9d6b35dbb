package uploader

import (
	"bytes"
	"context"
	"io"

	"github.com/dossier-go/dossier/internal/crc"
)

// Pool bounds the memory of all uploads of one backend.
type Pool struct {
	buffers chan struct{}
	size    int
}

// NewPool returns a pool with buffers of partSize bytes and no more than budget bytes of them, but at least two.
func NewPool(budget int64, partSize int) *Pool {
	return &Pool{buffers: make(chan struct{}, max(2, budget/int64(partSize))), size: partSize}
}

// Upload sends the source to the target.
func Upload(ctx context.Context, pool *Pool, plan Plan, src Source, target Target) error {
	if plan.PartSize == 0 {
		plan.PartSize = 8 << 20
	}
	buffer := make([]byte, plan.PartSize)
	var total crc.Sums
	for number := 1; ; number++ {
		n, err := io.ReadFull(src.Reader, buffer)
		last := err == io.EOF || err == io.ErrUnexpectedEOF
		if err != nil && !last {
			return err
		}
		body := &Body{bytes.NewReader(buffer[:n]), crc.Of(buffer[:n])}
		if number == 1 {
			if last {
				return target.PutWhole(ctx, body)
			}
			if err := target.Begin(ctx); err != nil {
				return err
			}
		}
		total.Write(buffer[:n])
		if n > 0 {
			if err := target.PutPart(ctx, number, body); err != nil {
				return err
			}
		}
		if last {
			return target.Complete(ctx, total, number)
		}
	}
}
