package faultkit_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/faultkit"
)

// failing does fn while the next hit of a point fails, and tells whether it did so. The point where the process is to
// die is left alone.
func (c *child) failing(point string, fn func() error) error {
	if point == c.orders.Point {
		return nil
	}
	c.points.Next(point, faultkit.Fail(errDeliberate))
	if err := fn(); !errors.Is(err, errDeliberate) {
		return fmt.Errorf("%s failed, and the operation did not say so: %w", point, err)
	}
	return nil
}

func copyFails(ctx context.Context, c *child) error {
	key, err := c.put(ctx)
	if err != nil {
		return err
	}
	return c.failing("copy.sync.before", func() error {
		_, err := c.scratch.Copy(ctx, c.scratchKey(), key, dossier.CopyOptions{})
		return err
	})
}

// upload begins a multipart upload and stores content in two parts.
func (c *child) upload(ctx context.Context, opts dossier.PutOptions) (dossier.Upload, []dossier.Part, error) {
	upload, err := c.scratch.CreateUpload(ctx, c.scratchKey(), opts)
	if err != nil {
		return upload, nil, err
	}
	content := c.wholeContent()
	middle := c.random.IntN(len(content))
	var parts []dossier.Part
	for i, bytes := range [][]byte{content[:middle], content[middle:]} {
		part, err := c.scratch.PutPart(ctx, upload, i+1, dossier.BytesSource(bytes))
		if err != nil {
			return upload, nil, err
		}
		parts = append(parts, part)
	}
	return upload, parts, nil
}

// multipart replaces an object, then makes a new one only.
func multipart(ctx context.Context, c *child) error {
	for _, only := range []bool{false, true} {
		upload, parts, err := c.upload(ctx, dossier.PutOptions{If: dossier.Condition{IfAbsent: only}})
		if err != nil {
			return err
		}
		for _, err := range c.scratch.Parts(ctx, upload) {
			if err != nil {
				return err
			}
		}
		if only {
			err = c.scratch.Delete(ctx, upload.Key, dossier.DeleteOptions{})
		}
		if err == nil {
			_, err = c.scratch.CompleteUpload(ctx, upload, parts)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func multipartFails(ctx context.Context, c *child) error {
	err := c.failing("upload.sync.before", func() error {
		_, err := c.scratch.CreateUpload(ctx, c.scratchKey(), dossier.PutOptions{})
		return err
	})
	if err != nil {
		return err
	}
	upload, parts, err := c.upload(ctx, dossier.PutOptions{})
	if err != nil {
		return err
	}
	err = c.failing("part.sync.before", func() error {
		_, err := c.scratch.PutPart(ctx, upload, 3, dossier.BytesSource([]byte("more")))
		return err
	})
	if err != nil {
		return err
	}
	return c.failing("complete.sync.before", func() error {
		_, err := c.scratch.CompleteUpload(ctx, upload, parts)
		return err
	})
}

// abortUpload aborts every upload that it or a dead process began.
func abortUpload(ctx context.Context, c *child) error {
	if _, _, err := c.upload(ctx, dossier.PutOptions{}); err != nil {
		return err
	}
	for upload, err := range c.scratch.Uploads(ctx, "") {
		if err == nil {
			err = c.scratch.AbortUpload(ctx, upload)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// reclaimOwn removes an upload that nobody goes on with and a temporary file whose writer died.
func reclaimOwn(ctx context.Context, c *child) error {
	if _, _, err := c.upload(ctx, dossier.PutOptions{}); err != nil {
		return err
	}
	left := filepath.Join(c.scratch.dir, ".dossier", "tmp", fmt.Sprintf("tmp-%x", c.random.Uint64()))
	if err := os.WriteFile(left, []byte("left behind"), 0o600); err != nil {
		return err
	}
	_, err := c.scratch.Reclaim(ctx, 0)
	return err
}
