package faultkit_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/dossier-go/dossier"
	"github.com/dossier-go/dossier/backends/local"
	"github.com/dossier-go/dossier/faultkit"
)

// scratch is a store that one process at a time uses directly: for the steps of the local backend that a session does
// not need. It has no rows; what must hold is that every object in it is whole, and that nothing is left over.
type scratch struct {
	*faultkit.Backend
	dir string
}

const scratchPrefix = "scratch-"

func newScratch(dir string, slot int, points *faultkit.Points) (*scratch, error) {
	path := filepath.Join(dir, fmt.Sprint(scratchPrefix, slot))
	b, err := local.New(path, local.Config{Step: points.Hit})
	if err != nil {
		return nil, err
	}
	return &scratch{faultkit.Wrap(b, points), path}, nil
}

// scratchKeys are few and have folders of their own, so that objects are replaced and folders come and go.
var scratchKeys = []string{"a/1", "a/2", "b/1", "c/d/1", "e"}

func (c *child) scratchKey() string { return scratchKeys[c.random.IntN(len(scratchKeys))] }

// wholeContent is content that proves itself: its first line is the checksum of the rest.
func (c *child) wholeContent() []byte {
	rest := bytes.Repeat(fmt.Appendf(nil, "%x", c.random.Uint64()), c.random.IntN(50))
	return append(fmt.Appendf(nil, "%x\n", sha256.Sum256(rest)), rest...)
}

func isWhole(content []byte) bool {
	sum, rest, found := strings.Cut(string(content), "\n")
	return found && sum == fmt.Sprintf("%x", sha256.Sum256([]byte(rest)))
}

// checkScratch looks at a scratch store by a plain walk: every object is whole, and there is no temporary file.
func checkScratch(dir string) error {
	return filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		switch inside, _ := filepath.Rel(dir, path); {
		case inside == ".dossier/store" || strings.HasPrefix(inside, ".dossier/locks/"):
			return nil
		case strings.HasPrefix(inside, ".dossier/"):
			return fmt.Errorf("left over: %s", path)
		}
		content, err := os.ReadFile(path)
		if err == nil && !isWhole(content) {
			err = fmt.Errorf("torn object %s: %q", path, content)
		}
		return err
	})
}

// scratchWorks drive what sessions do not: they are done by applications, each in its own store.
var scratchWorks = []work{
	{"open a store", application, inScratch(openStore)},
	{"put over", application, inScratch(putOver)},
	{"read", application, inScratch(readAll)},
	{"copy", application, inScratch(copyOver)},
	{"copy fails", application, inScratch(copyFails)},
	{"move in store", application, inScratch(moveOver)},
	{"update header", application, inScratch(updateHeader)},
	{"delete in store", application, inScratch(deleteAll)},
	{"multipart", application, inScratch(multipart)},
	{"multipart fails", application, inScratch(multipartFails)},
	{"abort", application, inScratch(abortUpload)},
	{"reclaim own", application, inScratch(reclaimOwn)},
}

// inScratch opens the store of the process when it is needed: most processes do not live so long.
func inScratch(do func(context.Context, *child) error) func(context.Context, *child) error {
	return func(ctx context.Context, c *child) (err error) {
		if c.scratch == nil {
			if c.scratch, err = newScratch(c.orders.Dir, c.orders.Slot, c.points); err != nil { //nolint:contextcheck // a local store opens without one
				return err
			}
		}
		return do(ctx, c)
	}
}

// openStore opens a store that was never opened, or one whose first user died in doing so.
func openStore(ctx context.Context, c *child) error {
	dir := filepath.Join(c.scratch.dir+"-fresh", fmt.Sprint(c.random.IntN(3)))
	b, err := local.New(dir, local.Config{Step: c.points.Hit}) //nolint:contextcheck // as above
	if err != nil {
		return err
	}
	_, err = b.Put(ctx, "a", dossier.BytesSource(c.wholeContent()), dossier.PutOptions{})
	if err == nil {
		_, err = b.Reclaim(ctx, 0)
	}
	if err == nil {
		err = checkScratch(dir)
	}
	return errors.Join(err, b.Close(), os.RemoveAll(dir))
}

func putOver(ctx context.Context, c *child) error {
	_, err := c.put(ctx)
	return err
}

// put makes or replaces an object.
func (c *child) put(ctx context.Context) (key string, err error) {
	key = c.scratchKey()
	opts := dossier.PutOptions{Header: dossier.Header{ContentType: "text/plain"}}
	_, err = c.scratch.Put(ctx, key, dossier.BytesSource(c.wholeContent()), opts)
	return key, err
}

// readAll reads every object in every way.
func readAll(ctx context.Context, c *child) error {
	for info, err := range c.scratch.List(ctx, dossier.ListOptions{}) {
		if err != nil {
			return err
		}
		content, err := dossier.ReadAll(ctx, c.scratch, info.Key, 0)
		if err != nil {
			return err
		}
		if !isWhole(content) {
			return fmt.Errorf("torn object %s: %q", info.Key, content)
		}
	}
	if _, err := c.scratch.Probe(ctx); err != nil {
		return err
	}
	_, err := c.scratch.Stat(ctx, "e")
	return err
}

func copyOver(ctx context.Context, c *child) error {
	key, err := c.put(ctx)
	if err != nil {
		return err
	}
	if _, err := c.scratch.Copy(ctx, c.scratchKey(), key, dossier.CopyOptions{}); err != nil {
		return err
	}
	if err := c.scratch.Delete(ctx, "copies/1", dossier.DeleteOptions{}); err != nil {
		return err
	}
	_, err = c.scratch.Copy(ctx, "copies/1", key, dossier.CopyOptions{If: dossier.Condition{IfAbsent: true}})
	return err
}

// moveOver moves an object over another one, and to a new folder and back.
func moveOver(ctx context.Context, c *child) error {
	key, err := c.put(ctx)
	if err != nil {
		return err
	}
	opts := dossier.CopyOptions{Replace: &dossier.Replacement{Header: dossier.Header{ContentType: "text/csv"}}}
	if _, err := c.scratch.Move(ctx, "moves/1/1", key, opts); err != nil {
		return err
	}
	_, err = c.scratch.Move(ctx, c.scratchKey(), "moves/1/1", dossier.CopyOptions{})
	return err
}

func updateHeader(ctx context.Context, c *child) error {
	key, err := c.put(ctx)
	if err != nil {
		return err
	}
	to := dossier.Replacement{Header: dossier.Header{ContentType: "text/html"}}
	_, err = c.scratch.UpdateHeader(ctx, key, to, dossier.Condition{})
	return err
}

func deleteAll(ctx context.Context, c *child) error {
	for _, key := range scratchKeys {
		if err := c.scratch.Delete(ctx, key, dossier.DeleteOptions{}); err != nil {
			return err
		}
	}
	return nil
}
